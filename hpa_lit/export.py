"""A trained model for other programs: ``python -m hpa_lit.export run=outputs/train/x/fold0 format=onnx out=x.onnx``.

ONNX for any runtime, a package of bioimage.io for what reads its models, and a bundle, which is one file for
``hpa-lit predict run=FILE.zip`` anywhere.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig

from hpa_lit.cli.command import command, overridden
from hpa_lit.cli.parts import Arch, Data
from hpa_lit.cli.settings import Epoch, Paths, Settings
from hpa_lit.errors import InputError
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, file_lock
from hpa_lit.files.writing import make_room

if TYPE_CHECKING:
    from hpa_lit.inference import Model

OPTIONAL = ("data.images", "data.labels")  # of data=folder, when a run says the rest
SUFFIXES = {"onnx": ".onnx", "bioimageio": ".zip", "bundle": ".zip"}
SMALLEST_DRAWN = 128  # below, cells are too small to draw
MOST_IMAGES = 64  # that int8 sets its scale on: more change nothing that can be seen


class ExportSettings(Settings):
    """Of conf/export.yaml, which says what each is."""

    paths: Paths
    run: Path | None
    epoch: Epoch
    checkpoint: Path | None
    model: str | None
    arch: Arch | None = None
    data: Data | None = None
    trust: bool
    format: Literal["onnx", "bioimageio", "bundle"]
    precision: Literal["fp32", "fp16", "int8"]
    images: Path | None
    licence: str | None
    authors: tuple[str, ...]
    out: Path | None


@command("export")
def main(config: DictConfig) -> None:
    """Find the model, write it where nothing else lies, say what is to be said."""
    settings = ExportSettings.of(config, OPTIONAL)
    form = settings.format
    if settings.out and settings.out.suffix != SUFFIXES[form]:
        raise InputError(f"out={settings.out}: format={form} makes a file whose name ends in {SUFFIXES[form]}")
    if form != "onnx" and settings.precision != "fp32":
        raise InputError(f"precision={settings.precision} is for format=onnx: leave it out")
    if settings.images and form != "bioimageio" and settings.precision == "fp32":
        raise InputError("images=DIR is for precision=int8 or fp16, and for format=bioimageio: leave it out")
    from hpa_lit import inference, portable

    portable.check_installed(form)
    model, home = inference.find_model(
        OutputTree(settings.paths.outputs), **settings.some(inference.CHOOSING), changed_keys=overridden("data")
    )
    out = settings.out or home.exported(form, model.checkpoint.stem, settings.precision, SUFFIXES[form])
    if out.exists():
        raise InputError(f"{out} is there already: choose another out=FILE, or remove it")
    make_room(out)
    images = pictures(model, settings) if settings.images else []
    with held(file_lock(out), out, "choose another out=FILE"):
        net = model.load().eval()
        about = portable.about(model, net, home, settings.licence, settings.authors)
        lines: list[str] = []
        if form == "onnx":
            lines = portable.write_onnx(out, net, about, settings.precision, images)
        elif form == "bundle":
            portable.write_bundle(out, model, net, about)
        else:
            lines = portable.write_bioimageio(out, model, net, about, images or [drawn(model)])
    for line in lines:
        print(line)
    print(f"{model.run}, {model.arch['arch']}, {out.stat().st_size / 1e6:.1f} MB -> {out}")


def pictures(model: "Model", settings: ExportSettings) -> list[Any]:
    """Of the folder that is given, images (C, S, S) uint8 as the network sees them, the first by their Ids."""
    from hpa_lit import inference

    _, data = inference.find_images(model, None, settings.images, settings.paths.root, workers=0)
    return inference.seen_images(model, data, MOST_IMAGES)


def drawn(model: "Model") -> Any:
    """A drawn field of cells (C, S, S) uint8 as the network sees it, which anybody may have."""
    import numpy as np

    from hpa_lit.synthetic import draw_field

    side = model.data["crop_size"] or model.data["image_size"]
    field = draw_field([0], max(side, SMALLEST_DRAWN), np.random.default_rng(0))[:side, :side]
    return np.ascontiguousarray(field.transpose(2, 0, 1)[: len(model.channels)])


if __name__ == "__main__":
    main()
