"""A training run of a tiny network as predictions find it, and tiny pictures to predict."""

import shutil

import numpy as np
import pandas as pd
import torch

from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.nets import build_classifier, build_embedder
from hpa_lit.results.decision import Calibration, Decision

LABELS = ["bright", "dark", "odd"]
QUIET = {  # a Trainer that says and keeps nothing
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}
DECISION = Decision(
    labels=tuple(LABELS),
    calibration=(
        Calibration(),
        Calibration(method="temperature", temperature=0.5),
        Calibration(method="isotonic", given=(0.2, 0.6), meant=(0.1, 0.9)),
    ),
    thresholds=(0.5, 0.7, 0.35),
    rule="each",
    images=50,
    dataset="valid",
    views=("crop0/default",),
    present=3,
    macro_f1=0.75,
    macro_f1_interval=(0.5, 0.9),
)


def save_run(
    folder,
    embedder=False,
    epoch="best",
    run_name="small",
    arch="resnet18",
    options=None,
    decision=None,
    pools=None,
    **data,
):
    """Write a checkpoint in the format of `tasks.Checkpoints`, its weights drawn anew; give the run and its network."""
    torch.manual_seed(0)
    planes, make = len(data.get("channels", "rgby")), build_embedder if embedder else build_classifier
    net = make(arch, 5 if embedder else len(LABELS), planes, options=options, **(pools or {}))
    for module in net.modules():  # as after a training, with statistics
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    build = "hpa_lit.nets.build_embedder" if embedder else "hpa_lit.nets.build_classifier"
    config = {
        "run_name": run_name,
        "fold": None if embedder else 1,
        "split": "antibody" if embedder else "mine",
        "arch": {
            "_target_": build,
            "arch": arch,
            "pretrained": True,
            "weights": None,
            "options": options,
            **(pools or {}),
        },
        "num_classes": 5 if embedder else len(LABELS),
        "targets": "antibodies" if embedder else "labels",
        "labels": LABELS,
        "data": {"name": "i40", "image_size": 40, "crop_size": None if embedder else 32, "bits": "auto", **data},
    }
    run = RunTree(folder)
    path = run.checkpoint(epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"state_dict": {f"net.{key}": value for key, value in net.state_dict().items()}, "config": config}
    torch.save(content if decision is None else {**content, "decision": decision.to_plain()}, path)
    return run, net.eval()


def save_pictures(folder, count, side=40, prefix="i"):
    """Write pictures i00.tif, i01.tif, ... and give them as one array (N, side, side, 4)."""
    rng = np.random.default_rng(0)
    level = rng.integers(20, 200, (count, 1, 1, 4))
    pictures = rng.integers(level - 20, level + 50, (count, side, side, 4)).astype(np.uint8)
    for row, picture in enumerate(pictures):
        rgby.write(folder / f"{prefix}{row:02}.tif", picture, f"{prefix}{row:02}")
    return pictures


def save_labelled_pictures(folder, count=28):
    """Write pictures and, as labels.csv, a table with one of three labels for each."""
    save_pictures(folder, count)
    names = [path.stem for path in sorted(folder.iterdir())]
    labels = [str(label) for label in np.random.default_rng(0).integers(0, 3, count)]
    pd.DataFrame({"Id": names, "Target": labels}).to_csv(folder / "labels.csv", index=False)


def stop_after_first_epoch(whole, folder):
    """Copy of a finished run what lay there after its first epoch."""
    stopped = RunTree(folder)
    for epoch in (1, "last", "best"):
        stopped.checkpoint(epoch).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(RunTree(whole).checkpoint(1), stopped.checkpoint(epoch))


def damage(path):
    """Cut a file short."""
    path.write_bytes(path.read_bytes()[:200])
