"""``hpa-lit <command> ...``, the same as ``python -m hpa_lit.<command> ...``."""

import importlib
import sys
from collections.abc import Sequence

from hpa_lit import __version__
from hpa_lit.errors import InputError, end, ended_by, meant

COMMANDS = {
    "demo": "see it work: a drawn atlas from nothing to a scored answer",
    "pipeline": "recipes over folds, from prepared data to a submission and a report",
    "draw": "draw a synthetic atlas in the layout of the real downloads",
    "prepare": "raw downloads to images and tables ready for training",
    "check": "look at every picture, label and fold before training",
    "train": "train one model, or sweep over folds with -m fold=0,1,2,3,4",
    "runs": "the training runs: how far each came, how good it is, how they differ",
    "models": "trained models that others have published, to be used by name",
    "compare": "training runs side by side on the same images, with intervals",
    "predict": "a trained model's probabilities for images, one file a run and dataset",
    "cells": "the cells of each field, and where each has the protein",
    "embed": "the features of images, for neighbours and for other programs",
    "export": "a trained model for other programs: ONNX, bioimage.io, or all of it in one file",
    "combine": "views, folds and models to one probability an image and label",
    "submit": "probabilities to label strings, and scores where the truth is known",
    "report": "one page of scores, curves and pictures of what a model gets right",
    "neighbours": "the atlas images most like each query; answers replaced by theirs",
}


def main() -> None:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in COMMANDS:
        sys.argv = [f"hpa-lit {name}", *sys.argv[2:]]
        importlib.import_module(f"hpa_lit.{name}").main()
        return
    if name == "--version":
        print(f"hpa-lit {__version__}")
        return
    if name == "completion":
        complete(sys.argv[2:])
        return
    width = max(map(len, COMMANDS))
    lines = [f"  {command:{width}}  {purpose}" for command, purpose in COMMANDS.items()]
    more = 'hpa-lit <command> --help says more. For completion by Tab: eval "$(hpa-lit completion bash)", or zsh.'
    usage = "\n".join(["usage: hpa-lit <command> key=value ...", "", *lines, "", more])
    if name in ("-h", "--help"):
        print(usage)
    else:
        raise end(f"there is no command {name!r}{meant(name, COMMANDS)}\n{usage}")


def complete(words: Sequence[str]) -> None:
    """Print a shell's script, or answer it."""
    from hpa_lit.cli.completion import candidates, script

    if words[:1] == ["candidates"]:
        print(*candidates(" ".join(words[1:]), COMMANDS), sep="\n")
        return
    try:
        print(script(words), end="")
    except InputError as error:
        raise ended_by(error) from None


if __name__ == "__main__":
    main()
