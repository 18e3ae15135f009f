"""See it work: ``python -m hpa_lit.demo`` draws 32 pictures and trains a small classifier on them."""

import subprocess
import sys
from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.command import command
from hpa_lit.tree import DataTree


@command("demo")
def main(config: DictConfig) -> None:
    """Run the commands, one after another, as a person would type them."""
    folder = Path(config.folder).absolute()
    tree = DataTree(folder / "data")
    steps = [
        [
            "draw",
            f"paths.root={tree.root}",
            "draw.fields=40",
            "draw.test_share=0.1",
            "draw.external_share=0.1",
            "draw.duplicates=0",
        ],
        [
            "train",
            "experiment=small",
            "data=folder",
            f"data.images={tree.raw_images('train')}",
            f"data.labels={tree.train_csv}",
            f"scheduler.epochs={config.epochs}",
            f"paths.outputs={folder}",
        ],
    ]
    for step, (verb, *arguments) in enumerate(steps, 1):
        print(f"[{step}/{len(steps)}] python -m hpa_lit.{verb} {' '.join(arguments)}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"hpa_lit.{verb}", *arguments], check=False)
        if done.returncode:
            sys.exit(f"error: hpa_lit.{verb} failed, see above; the same command goes on where it stopped")


if __name__ == "__main__":
    main()
