"""Prepare the atlas: ``python -m hpa_lit.prepare stage=all data=i768``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from hpa_lit.cli.command import command, resolved
from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree

Stages = dict[str, Callable[[], None]]


@command("prepare", {"images": "prepare.images"})
def main(config: DictConfig) -> None:
    """Run the stages that were asked for, in the order of their inputs."""
    from hpa_lit.stages.failures import IncompleteError

    settings = resolved(config)
    available = stages(settings, DataTree(Path(settings["paths"]["root"]).absolute()))
    wanted = [settings["stage"]] if isinstance(settings["stage"], str) else settings["stage"]
    if unknown := [name for name in wanted if name not in (*available, "all")]:
        raise InputError(f"there is no stage {', '.join(unknown)}: choose from all, {', '.join(available)}")
    channels, images = settings["data"]["channels"], settings["prepare"]["images"]
    if channels != "rgby" and (wanted != ["statistics"] or images is None):
        raise InputError(
            f"data.channels={channels}: the atlas is prepared with all its planes, of which a training takes what it "
            "wants: leave it out; stage=statistics with images=DIR alone takes it"
        )
    if settings["dry_run"]:
        if not {"download", "all"} & set(wanted):
            raise InputError("only stage=download has a dry run")
        wanted = ["download"]
    incomplete = []
    for name, run in available.items():
        if name in wanted or "all" in wanted:
            try:
                run()
            except IncompleteError as error:
                if settings["prepare"]["on_missing"] != "skip":
                    raise
                incomplete.append(str(error))
    if incomplete:
        raise InputError("\n".join(incomplete))


def stages(settings: dict[str, Any], tree: DataTree) -> Stages:
    """Every stage with its settings, in the order of their inputs."""
    from hpa_lit.stages import (
        antibody_splits,
        corrections,
        download,
        duplicates,
        folds,
        leak,
        metadata,
        resize,
        statistics,
        verify,
    )
    from hpa_lit.stages.workers import Workers

    options, size = settings["prepare"], settings["data"]["image_size"]
    workers = Workers(options["workers"], options["backend"], options["scheduler"])
    conversion = resize.Conversion(settings["data"]["bits"], tuple(options["rgb_channels"]), options["upscale"])
    source = download.Source(**options["download"])
    images = Path(options["images"]) if options["images"] else None
    sets, sizes, on_missing = options["sets"], options["sizes"], options["on_missing"]
    distance, seed = options["max_distance"], options["seed"]
    return {
        "download": lambda: download.run(tree, source, settings["dry_run"]),
        "resize": lambda: resize.run(tree, sets, sizes, conversion, workers, options["compression"]),
        "metadata": lambda: metadata.run(tree, sets),
        "match": lambda: duplicates.run_train_external(tree, distance, workers, on_missing),
        "match_test": lambda: duplicates.run_test(tree, distance, workers, on_missing),
        "folds": lambda: folds.run(tree, options["folds"], seed),
        "statistics": lambda: statistics.run(
            tree, size, images, conversion, workers, on_missing, settings["data"]["channels"]
        ),
        "antibody_splits": lambda: antibody_splits.run(tree, options["set_aside"], seed),
        "corrections": lambda: corrections.run(tree),
        "leak": lambda: leak.run(tree),
        "verify": lambda: verify.run(tree, sets, sizes, size, options["folds"], on_missing),
    }


if __name__ == "__main__":
    main()
