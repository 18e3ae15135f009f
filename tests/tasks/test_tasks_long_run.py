"""A training of many epochs takes no more of anything in the last of them than in the first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pytest
import pytorch_lightning as pl
from small_run import save_labelled_pictures

EPOCHS = 200


class Sizes(pl.Callback):
    """Writes down after each epoch what the training's process and its children take."""

    def __init__(self, path):
        self.path, self.process = Path(path), psutil.Process()

    def on_train_epoch_end(self, trainer, pl_module):
        children = self.process.children(recursive=True)
        sizes = {
            "memory": self.process.memory_info().rss,
            "memory of children": sum(child.memory_info().rss for child in children),
            "files": self.process.num_fds(),
            "files of children": sum(child.num_fds() for child in children),
            "threads": self.process.num_threads(),
            "processes": len(children),
            "shared memory": len(list(Path("/dev/shm").iterdir())) if Path("/dev/shm").is_dir() else 0,
        }
        with self.path.open("a") as file:
            file.write(json.dumps(sizes) + "\n")


@pytest.mark.slow
def test_epoch_200_takes_no_more_than_epoch_50(tmp_path):
    pictures = tmp_path / "pictures"
    save_labelled_pictures(pictures)
    words = [
        *("experiment=small", f"images={pictures}", f"labels={pictures}/labels.csv", "data.label_list=[a,b,c]"),
        *("data.crop_size=32", "data.folds=4", "data.workers=2", "batch_size=4", f"scheduler.epochs={EPOCHS}"),
        *("keep_epochs=2", f"paths.outputs={tmp_path}", f"+callbacks.sizes._target_={__name__}.Sizes"),
        *("trainer.save_on_term=true", f"+callbacks.sizes.path={tmp_path}/sizes"),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    done = subprocess.run(
        [sys.executable, "-m", "hpa_lit.train", *words], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    sizes = pd.DataFrame([json.loads(line) for line in (tmp_path / "sizes").read_text().splitlines()])
    assert len(sizes) == EPOCHS
    early, late = sizes.iloc[40:60], sizes.iloc[-20:]
    print(pd.DataFrame({"epoch 50": early.median(), "epoch 200": late.median()}))
    for name in ("files", "files of children", "threads", "processes"):
        assert late[name].median() == early[name].median(), name
    for name in ("memory", "memory of children"):
        assert late[name].median() < early[name].median() + 2**23, name  # 56 kB an epoch, which allocators may keep
