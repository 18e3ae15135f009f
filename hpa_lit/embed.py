"""Features of images: ``python -m hpa_lit.embed run=outputs/train/resnet50_arcface_i768 epoch=45 dataset=external``.

Predicts one view, the whole image, and keeps the vector before the last layer: of an embedder its 512 features, of a
classifier what its labels are read from. Goes on after a kill as predict does.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig

from hpa_lit.cli import ranks
from hpa_lit.cli.command import command, overridden, own_images, short_or_long
from hpa_lit.cli.parts import Arch, Data
from hpa_lit.cli.settings import PredictionSettings
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, before_export, file_lock
from hpa_lit.files.writing import make_room

# Of data=folder, when a run says the rest.
OPTIONAL = ("data.images", "data.labels")


class EmbedSettings(PredictionSettings):
    """Of conf/embed.yaml, which says what each is."""

    arch: Arch | None = None
    data: Data | None = None
    checkpoint: Path | None
    dataset: str | None
    images: Path | None
    format: Literal["parquet", "npz", "h5ad"]
    out: Path | None


@command("embed")
def main(config: DictConfig) -> None:
    """Find the network and the images, embed here or in a process a device, name the images that failed."""
    settings = EmbedSettings.of(config, OPTIONAL)
    from hpa_lit import inference

    suffix = settings.format
    if suffix != "parquet":
        inference.check_format(suffix)
    if settings.out and Path(settings.out).suffix != f".{suffix}":
        raise InputError(f"out={settings.out} does not end in .{suffix}: set format, or choose another name")
    trainer, data = ranks.trainer_arguments(settings.trainer.plain()), settings.data
    outputs = OutputTree(settings.paths.outputs)
    model, home = inference.find_model(outputs, **settings.some(inference.CHOOSING), changed_keys=overridden("data"))
    dataset, images = inference.find_images(
        model,
        settings.dataset,
        own_images(settings.images, settings.data),
        settings.paths.root.absolute(),
        **settings.some(inference.LOADING),
        pixel_size=short_or_long("pixel_size", settings.pixel_size, data),
    )
    place = home.features(dataset, model.checkpoint.stem)
    if settings.out is None:
        prediction_file.refuse_other_images(place, inference.folder_of(images.predicted or {}))
    out = settings.out or place.with_suffix(f".{suffix}")
    (prediction_file.refuse_other if suffix == "parquet" else inference.refuse_other)(out)
    make_room(out)  # now, not when all the work is done
    if out.exists() and ranks.is_first():
        print(f"{out} is there, and is replaced when this is done")
    output = before_export(out) if settings.out else place
    job = inference.Job(
        model,
        dataset,
        images,
        output,
        features=True,
        **settings.some(inference.RUNNING),
    )
    with held(file_lock(output), out, "choose another out=FILE") if ranks.is_first() else nullcontext():
        ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
        if ranks.is_first():
            predictions = prediction_file.read(output)
            if out != output:
                inference.export(out, predictions, model.decision)
                if settings.out:
                    output.unlink()
            print(f"{len(predictions.ids)} images -> {out}")
            inference.refuse_failed(predictions, out)


if __name__ == "__main__":
    main()
