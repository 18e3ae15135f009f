"""Checkpoints that are none, are not whole, or are of something else."""

import pickle
import zipfile
from pathlib import Path

import torch
from small_run import DECISION

from rubbish.case import Case, cut, folder, remove, write

BEST = "run/checkpoints/best.ckpt"


class Planted:
    """What runs a command where it is unpickled."""

    def __reduce__(self):
        return (Path("planted").touch, ())


def changed(**entries):
    """The checkpoint of the run, with other entries; None takes one away."""

    def change(home: Path) -> None:
        content = torch.load(home / BEST, weights_only=True)
        for key, value in entries.items():
            if value is None:
                del content[key]
            else:
                content[key] = value(content[key]) if callable(value) else value
        (home / BEST).unlink()
        torch.save(content, home / BEST)

    return change


def config(**entries):
    """The checkpoint of the run, with other entries in its config; None takes one away."""
    return changed(config=lambda whole: {k: v for k, v in (whole | entries).items() if v is not None})


def archive(home: Path) -> None:
    remove(BEST)(home)
    with zipfile.ZipFile(home / BEST, "w") as file:
        file.writestr("archive/data.pkl", b"rubbish")


def flipped(home: Path) -> None:
    content = bytearray((home / BEST).read_bytes())
    content[len(content) // 2] ^= 0xFF
    write(BEST, bytes(content))(home)


WHAT = rf"{BEST} cannot be read as weights"
CASES = [
    *(
        Case(f"{verb}: {name}", verb, words, change, sentence)
        for verb, words in (("predict", ""), ("embed", "run=run"))
        for name, change, sentence in (
            ("a checkpoint of text", write(BEST, "weights"), WHAT),
            ("a checkpoint of nothing", write(BEST, b""), WHAT),
            ("a checkpoint cut short", cut(BEST), WHAT),
            ("an archive of rubbish", archive, WHAT),
            ("a folder for a checkpoint", folder(BEST), r"run has no checkpoint best\.ckpt"),
            ("a checkpoint that runs code", write(BEST, pickle.dumps(Planted())), WHAT),
            ("a checkpoint of one tensor", lambda home: torch.save(torch.zeros(3), remove(BEST)(home) or home / BEST), r"holds no state dict"),
            ("weights of nothing", changed(state_dict={}), r"best\.ckpt does not fit this network:\n  missing: "),
            ("weights of another network", config(arch={"_target_": "hpa_lit.nets.build_classifier", "arch": "resnet18"}), r"does not fit this network"),
            ("a network of nobody's", config(arch={"_target_": "hpa_lit.nets.build_classifier", "arch": "resnet19"}), r"there is no arch 'resnet19'"),
            ("a network that is a command", config(arch={"_target_": "os.system", "arch": "x", "command": "touch planted"}), r"built by os\.system, which is not part of hpa_lit: set trust=true"),
            ("a config without its network", config(arch=None), r"the config in .*best\.ckpt is no training's: it has no arch"),
            ("a config without its data", config(data=None), r"the config in .*best\.ckpt is no training's: it has no data"),
            ("a config in words", changed(config="small"), r"the config in .*best\.ckpt is no training's: it is no mapping"),
            ("fewer labels than answers", config(labels=["bright"]), r"the config in .*best\.ckpt is no training's: it has 1 labels for 3 answers"),
        )
    ),
    Case("a decision in words", "predict", "", changed(decision="half"), r"best\.ckpt: the decision cannot be used: .* take another checkpoint"),
    Case("a decision of tensors", "predict", "", changed(decision={"labels": torch.zeros(3)}), r"best\.ckpt: the decision cannot be used: .*not JSON"),
    Case("a decision about other labels", "predict", "", changed(decision={**DECISION.to_plain(), "labels": ["bright", "dark", "grey"]}), r"its decision is about other labels than its network"),
    Case("a checkpoint nowhere", "predict", "run=null checkpoint=nowhere.ckpt", None, r"there is no file nowhere\.ckpt"),
    Case("a checkpoint that is a table", "predict", "run=null checkpoint=labels.csv", None, r"labels\.csv cannot be read as weights"),
    Case("a checkpoint that is a folder", "predict", "run=null checkpoint=pictures", None, r"pictures cannot be read as weights"),
    Case("safetensors of rubbish", "predict", "run=null checkpoint=x.safetensors", write("x.safetensors", b"\xff" * 64), r"x\.safetensors cannot be read as weights"),
    Case("no run", "predict", "run=nowhere", None, r"nowhere has no checkpoint best\.ckpt; it is no folder of a training run"),
    Case("an epoch that was not kept", "predict", "epoch=7", None, r"run has no checkpoint epoch_007\.ckpt; it has best"),
    Case("an embedder to predict with", "predict", "run=embedder", None, r"holds an embedder, which gives features: use hpa-lit embed"),
    Case("another network than the checkpoint's", "predict", "arch=resnet18", None, r"holds a timm/resnet18; leave arch out, it knows"),
    Case("other channels than the checkpoint's", "predict", "images=null data=folder data.images=pictures data.channels=rgb", None, r"was trained on rgby; leave it out, it knows"),
    Case("weights alone, without their network", "predict", "run=null checkpoint=x.pth", lambda home: torch.save({"logit.weight": torch.zeros(28, 3)}, home / "x.pth"), r"does not say its network and its images: give both"),
    Case("weights of no network of the reference's", "predict", "run=null checkpoint=x.pth arch=resnet18 data=i512", lambda home: torch.save({"a": torch.zeros(3)}, home / "x.pth"), r"has no tensor logit\.weight"),
    Case("weights of another network of the reference's", "predict", "run=null checkpoint=x.pth arch=resnet18 data=i512", lambda home: torch.save({"logit.weight": torch.zeros(28, 3)}, home / "x.pth"), r"x\.pth does not fit this network"),
    Case("a damaged checkpoint to export", "export", "", cut(BEST), WHAT),
    Case("a network of others to bundle", "export", "trust=true", config(arch={"_target_": "mine.Net", "arch": "x"}), r"arch\._target_=mine\.Net cannot be built"),
    Case("a bundle of text", "predict", "run=x.zip", write("x.zip", "model"), r"x\.zip cannot be read as a bundle: it is cut off, was changed"),
    Case("a bundle nowhere", "embed", "run=x.zip", None, r"x\.zip does not exist"),
    Case("an archive for a bundle", "predict", "run=x.zip", lambda home: zipfile.ZipFile(home / "x.zip", "w").close(), r"x\.zip cannot be read as a bundle"),
    Case("an epoch of a bundle", "predict", "run=x.zip epoch=3", None, r"epoch=3: x\.zip holds one checkpoint, leave epoch out"),
    Case("a damaged checkpoint for a report", "report", "images=pictures run=run", write(BEST, "weights"), WHAT),
    Case("a damaged checkpoint for neighbours", "neighbours", "queries=null images=pictures run=embedder", cut("embedder/checkpoints/best.ckpt"), r"embedder/checkpoints/best\.ckpt cannot be read as weights"),
    Case("another embedder than the gallery's", "neighbours", "queries=null images=pictures run=embedder", None, r"gallery\.parquet was made by small x, and the images would be by small best"),
]  # fmt: skip
