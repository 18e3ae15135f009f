"""Features of images: ``python -m hpa_lit.embed run=outputs/train/resnet50_arcface_i768 epoch=45 dataset=external``.

Predicts one view, the whole image, and keeps the vector before the last layer: of an embedder its 512 features, of a
classifier what its labels are read from. Goes on after a kill as predict does.
"""

from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli import ranks
from hpa_lit.cli.command import command, overridden, own_images, resolved
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file
from hpa_lit.files.tree import DataTree, OutputTree, make_room

# Of data=folder, when a run says the rest.
OPTIONAL = ("data.images", "data.labels")


@command("embed")
def main(config: DictConfig) -> None:
    """Find the network and the images, embed here or in a process a device, name the images that failed."""
    settings = resolved(config, OPTIONAL)
    from hpa_lit import inference
    from hpa_lit.stages.folds import split

    suffix = settings["format"]
    if suffix != "parquet":
        inference.check_format(suffix)
    if settings["out"] and Path(settings["out"]).suffix != f".{suffix}":
        raise InputError(f"out={settings['out']} does not end in .{suffix}: set format, or choose another name")
    trainer, data = ranks.trainer_arguments(settings["trainer"]), settings.get("data")
    checkpoint, home = inference.find_checkpoint(
        settings["run"], settings["epoch"], settings["checkpoint"], OutputTree(Path(settings["paths"]["outputs"]))
    )
    model = inference.describe(checkpoint, settings.get("arch"), data, overridden("data"))
    tree = DataTree(Path(settings["paths"]["root"]).absolute())
    dataset, files = inference.find_files(model, settings["dataset"], own_images(settings), tree, split)
    place = home.features(dataset, checkpoint.stem)
    out = Path(settings["out"] or place.with_suffix(f".{suffix}"))
    output = out if suffix == "parquet" else place
    for path in (output, out):
        make_room(path)  # now, not when all the work is done
    job = inference.Job(
        model,
        dataset,
        files,
        output,
        features=True,
        **{name: settings[name] for name in inference.RUNNING},
    )
    ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
    if ranks.is_first():
        predictions = prediction_file.read(output)
        if out != output:
            inference.export(out, predictions)
        print(f"{len(predictions.ids)} images -> {out}")
        inference.refuse_failed(predictions, out)


if __name__ == "__main__":
    main()
