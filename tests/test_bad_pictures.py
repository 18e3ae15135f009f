"""One bad picture among good ones: it is named with a sentence, and the others go on, in every command."""

import json
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from small_run import LABELS, save_pictures, save_run

from hpa_lit import check, predict, train
from hpa_lit.errors import BAD_INPUT
from hpa_lit.files import prediction_file, rgby

sys.path.append(str(Path(__file__).parent / "files"))
from strange_pictures import huge_png

BAD = {
    "huge": "huge_red.png cannot be read: DecompressionBombError",
    "short": "short.tif cannot be read",
    "caf\\udce9": "caf\\udce9.tif has a name that cannot be printed, or is no UTF-8: rename it",
}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[..., str]:
    """Start a command in the folder, which must end by saying what is wrong, without a traceback; what it said."""
    monkeypatch.chdir(folder)

    def run(verb: ModuleType, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", [f"hpa-lit {verb.__name__.split('.')[1]}", *words])
        with pytest.raises(SystemExit) as error:
            verb.main()
        assert error.value.code == BAD_INPUT
        return str(error.value)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run, and six pictures beside three bad ones, of which one declares 100,000 x 100,000 and one has six bytes."""
    save_run(tmp_path / "run")
    pictures = save_pictures(tmp_path / "mine", 6)
    for color in rgby.COLORS:
        (tmp_path / "mine" / f"huge_{color}.png").write_bytes(huge_png(100_000))
    (tmp_path / "mine" / "short.tif").write_bytes(b"II*\0\1\0")
    rgby.write(tmp_path / "good.tif", pictures[0], "good")
    os.rename(tmp_path / "good.tif", os.fsencode(tmp_path) + b"/mine/caf\xe9.tif")  # noqa: PTH104, of bytes
    return tmp_path


def test_check_finds_the_bad_ones(start: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start(check, "images=mine", "workers=1", "--json", "out=looks.csv")
    findings = {found["kind"]: found for found in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["images"]["said"] == "9"
    assert findings["sizes"]["said"] == "40 x 40 (6)"
    assert_named(findings["unusable"]["examples"])
    looks = pd.read_csv(folder / "looks.csv").set_index("Id")
    assert looks["height"].notna().sum() == 6
    assert looks.loc["caf\\udce9", "problems"].endswith("rename it")


def test_predict_answers_the_others(start: Callable[..., str], folder: Path) -> None:
    for name in ("a.parquet", "a.csv"):
        said = start(predict, "run=run", "images=mine", f"out={name}", "trainer=cpu", "workers=0")
        assert "3 of 9 images could not be read" in said
    found = prediction_file.read(folder / "a.parquet")
    assert_named([f"{image_id}: {why}" for image_id, why in found.failures.items()])
    table = pd.read_csv(folder / "a.csv").set_index("Id")
    assert table.index.tolist() == list(found.ids)
    assert table[LABELS].notna().all(axis=1).tolist() == found.ok.tolist()
    assert found.ok.sum() == 6
    assert np.isfinite(found.probabilities[found.ok]).all()


def test_train_names_them_all_before_the_first_step(start: Callable[..., str], folder: Path) -> None:
    ids = [image_id for image_id in rgby.list_images(folder / "mine") if image_id.isalnum()]  # what a table may hold
    pd.DataFrame({"Id": ids, "Target": ["0", "1"] * 4}).to_csv(folder / "labels.csv", index=False)
    words = ["experiment=small", "images=mine", "labels=labels.csv", "data.label_list=[bright,dark]"]
    sizes = ["data.crop_size=32", "data.folds=2", "data.workers=0", "batch_size=2", "scheduler.epochs=1"]
    said = start(train, *words, *sizes, "data.image_size=40", "paths.outputs=outputs")
    assert "2 of 8 images cannot be used; replace the files or remove the rows" in said
    assert_named([line.strip() for line in said.splitlines() if line.startswith("  ")], ids)


def assert_named(said: list[str], among: Collection[str] = BAD.keys()) -> None:
    bad = {image_id: why for image_id, why in BAD.items() if image_id in among}
    assert len(said) == len(bad)
    for image_id, why in bad.items():
        (line,) = [line for line in said if line.startswith(f"{image_id}: ")]
        assert why in line, line
        assert line.isprintable()
