"""Predict images: ``python -m hpa_lit.predict run=outputs/train/densenet121_i768/fold0 dataset=test views=full``.

The same command started again after a kill goes on where it stopped.
"""

from contextlib import nullcontext
from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli import ranks
from hpa_lit.cli.command import command, overridden, own_images, short_or_long
from hpa_lit.cli.parts import Arch, Data
from hpa_lit.cli.settings import PredictionSettings, Share, ViewSettings
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, before_export, file_lock
from hpa_lit.files.writing import make_room

# Of data=folder, when a run says the rest.
OPTIONAL = ("data.images", "data.labels")


class PredictSettings(PredictionSettings):
    """Of conf/predict.yaml, which says what each is."""

    views: ViewSettings
    arch: Arch | None = None
    data: Data | None = None
    checkpoint: Path | None
    dataset: str | None
    images: Path | None
    out: Path | None
    threshold: Share | None
    features: bool


@command("predict")
def main(config: DictConfig) -> None:
    """Find the network and the images, predict here or in a process a device, name the images that failed."""
    settings = PredictSettings.of(config, OPTIONAL)
    from hpa_lit import inference
    from hpa_lit.files import prediction_csv

    trainer = ranks.trainer_arguments(settings.trainer.plain())
    data, views, out = settings.data, settings.views, settings.out
    if out and out.suffix not in (".parquet", ".csv"):
        raise InputError(f"out={out}: choose a name that ends in .parquet or .csv")
    outputs = OutputTree(settings.paths.outputs)
    model, home = inference.find_model(outputs, **settings.some(inference.CHOOSING), changed_keys=overridden("data"))
    if not model.labels:
        raise InputError(f"{model.checkpoint} holds an embedder, which gives features: use hpa-lit embed")
    dataset, images = inference.find_images(
        model,
        settings.dataset,
        own_images(settings.images, settings.data),
        settings.paths.root.absolute(),
        **settings.some(inference.LOADING),
        pixel_size=short_or_long("pixel_size", settings.pixel_size, data),
    )
    if out is None:
        out = home.predictions(dataset, model.checkpoint.stem, views.name)
        prediction_file.refuse_other_images(out, inference.folder_of(images.predicted or {}))
    (prediction_csv if out.suffix == ".csv" else prediction_file).refuse_other(out)
    make_room(out)  # now, not when all the work is done
    if out.exists() and ranks.is_first():
        print(f"{out} is there, and is replaced when this is done")
    output = before_export(out)
    job = inference.Job(
        model,
        dataset,
        images,
        output,
        inference.view_names(views.crops, views.dihedral),
        settings.features,
        **settings.some(inference.RUNNING),
    )
    with held(file_lock(output), out, "choose another out=FILE") if ranks.is_first() else nullcontext():
        ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
        if ranks.is_first():
            predictions = prediction_file.read(output)
            if out != output:
                sizes, channels = inference.as_read(job.files[image_id] for image_id in predictions.ids)
                answered = inference.answered(predictions, model.decision, settings.threshold)
                prediction_csv.write(
                    out, predictions, answered.probabilities, answered.given, {"size": sizes, "channels": channels}
                )
                output.unlink()
                print(f"locations: {inference.said(model.decision, settings.threshold)}")
            print(f"{len(predictions.ids)} images, {len(predictions.views)} views -> {out}")
            inference.refuse_failed(predictions, out)


if __name__ == "__main__":
    main()
