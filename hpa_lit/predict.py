"""Predict images: ``python -m hpa_lit.predict run=outputs/train/densenet121_i768/fold0 dataset=test views=full``.

The same command started again after a kill goes on where it stopped.
"""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from hpa_lit.cli import ranks
from hpa_lit.cli.command import command, overridden, own_images
from hpa_lit.cli.settings import PredictionSettings, ViewSettings
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file
from hpa_lit.files.tree import OutputTree
from hpa_lit.files.writing import make_room

# Of data=folder, when a run says the rest.
OPTIONAL = ("data.images", "data.labels")


class PredictSettings(PredictionSettings):
    """Of conf/predict.yaml, which says what each is."""

    views: ViewSettings
    arch: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    checkpoint: Path | None
    dataset: str | None
    images: Path | None
    out: Path | None
    features: bool


@command("predict")
def main(config: DictConfig) -> None:
    """Find the network and the images, predict here or in a process a device, name the images that failed."""
    settings = PredictSettings.of(config, OPTIONAL)
    from hpa_lit import inference

    trainer = ranks.trainer_arguments(settings.trainer.model_dump())
    data, views, out = settings.data, settings.views, Path(settings.out or "")
    if settings.out and out.suffix not in (".parquet", ".csv"):
        raise InputError(f"out={out}: choose a name that ends in .parquet or .csv")
    checkpoint, home = inference.find_checkpoint(
        settings.run, settings.epoch, settings.checkpoint, OutputTree(settings.paths.outputs)
    )
    model = inference.describe(checkpoint, settings.arch, data, overridden("data"), settings.trust)
    if not model.labels:
        raise InputError(f"{checkpoint} holds an embedder, which gives features: use hpa-lit embed")
    dataset, images = inference.find_images(
        model,
        settings.dataset,
        own_images(settings.images, settings.data),
        settings.paths.root.absolute(),
        **settings.some(inference.LOADING),
    )
    output = out if out.suffix == ".parquet" else home.predictions(dataset, checkpoint.stem, views.name)
    for path in (output, *([out] if settings.out else [])):
        make_room(path)  # now, not when all the work is done
    job = inference.Job(
        model,
        dataset,
        images,
        output,
        inference.view_names(views.crops, views.dihedral),
        settings.features,
        **settings.some(inference.RUNNING),
    )
    ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
    if ranks.is_first():
        predictions = prediction_file.read(output)
        print(f"{len(predictions.ids)} images, {len(predictions.views)} views -> {output}")
        if out.suffix == ".csv":
            inference.export(out, predictions)
            print(f"probabilities by label name, the largest over the views -> {out}")
        inference.refuse_failed(predictions, output)


if __name__ == "__main__":
    main()
