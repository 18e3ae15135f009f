import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest

from hpa_lit.files.data_tree import DataTree


def draw(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hpa_lit.draw", *arguments], capture_output=True, text=True)


def test_the_command_draws_an_atlas_and_says_what(tmp_path: Path) -> None:
    small = (f"paths.root={tmp_path / 'atlas'}", "draw.fields=20", "draw.duplicates=1", "draw.size=64")
    done = draw(*small, "draw.workers=1", "draw.format=tif")
    assert done.returncode == 0, done.stderr
    tree = DataTree(tmp_path / "atlas")
    assert "10 train, 4 test, 6 external images, 4 planted pairs" in done.stdout
    assert len(pd.read_csv(tree.train_csv)) == 10
    assert len(list(tree.raw_images("test").glob("*.tif"))) == 16

    refused = draw(*small, "draw.format=png")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("holds an atlas drawn with other settings: choose another paths.root")


@pytest.mark.slow
def test_the_command_draws_a_contact_sheet(tmp_path: Path) -> None:
    done = draw(
        f"paths.root={tmp_path}", "draw.fields=20", "draw.duplicates=1", "draw.size=64", "draw.contact_sheet=true"
    )
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(DataTree(tmp_path).contact_sheet)).shape == (7 * 276, 4 * 2 * 256, 3)


def test_mistakes_are_one_message(tmp_path: Path) -> None:
    done = draw(f"paths.root={tmp_path}", "draw.format=bmp")
    assert done.returncode == 2
    assert done.stderr.endswith("error: draw.format=bmp: choose png, tif or both\n")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
