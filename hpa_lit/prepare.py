"""Prepare the atlas: ``python -m hpa_lit.prepare stage=all data=i768``."""

from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

from omegaconf import DictConfig
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from hpa_lit.cli.command import command
from hpa_lit.cli.settings import BitDepth, Paths, PlaneChannels, Seconds, Settings, Several, Slices
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.files.lock import held
from hpa_lit.files.tree import folder_lock

Stage = Literal[
    "download",
    "resize",
    "metadata",
    "match",
    "match_test",
    "folds",
    "statistics",
    "antibody_splits",
    "corrections",
    "leak",
    "verify",
]


class DownloadSettings(Settings):
    """Of the section prepare.download in conf/prepare.yaml, which says what each is."""

    base_url: str
    connections: PositiveInt
    attempts: PositiveInt
    timeout: PositiveFloat
    wait: Seconds
    max_wait: Seconds


class StageSettings(Settings):
    """Of the section prepare in conf/prepare.yaml, which says what each is."""

    workers: Literal[-1] | PositiveInt
    backend: Literal["processes", "dask"]
    scheduler: str | None
    on_missing: Literal["error", "skip"]
    sets: Several[ImageSet]
    sizes: Several[PositiveInt]
    compression: Literal["packbits", "deflate", "zstd", "none"]
    upscale: bool
    rgb_channels: Annotated[tuple[Literal[0, 1, 2], ...], Field(min_length=4, max_length=4)]
    max_distance: NonNegativeInt
    folds: Annotated[int, Field(ge=2)]
    seed: NonNegativeInt
    set_aside: NonNegativeInt
    images: Path | None
    naming: str | None
    planes: PlaneChannels | None
    z: Slices | None
    download: DownloadSettings


class DataSettings(Settings):
    """Of conf/data; preparation looks at the size, the planes and their depth alone."""

    model_config = ConfigDict(extra="allow")

    image_size: PositiveInt
    channels: Literal["rgby", "rgb"]
    bits: BitDepth


class PrepareSettings(Settings):
    """Of conf/prepare.yaml."""

    paths: Paths
    data: DataSettings
    stage: Several[Literal["all"] | Stage]
    dry_run: bool
    prepare: StageSettings


@command("prepare", {key: f"prepare.{key}" for key in ("images", "naming", "planes", "z")})
def main(config: DictConfig) -> None:
    """Run the stages that were asked for, in a data folder that nobody else writes into."""
    settings = PrepareSettings.of(config)
    channels, wanted = settings.data.channels, set(settings.stage)
    if channels != "rgby" and (wanted != {"statistics"} or settings.prepare.images is None):
        raise InputError(
            f"data.channels={channels}: the atlas is prepared with all its planes, of which a training takes what it "
            "wants: leave it out; stage=statistics with images=DIR alone takes it"
        )
    own = [key for key in ("naming", "planes", "z") if getattr(settings.prepare, key) is not None]
    if own and settings.prepare.images is None:
        raise InputError(f"{own[0]} is about a folder of pictures: give it too, stage=statistics images=DIR")
    if settings.dry_run:
        if not {"download", "all"} & wanted:
            raise InputError("only stage=download has a dry run")
        wanted = {"download"}
    tree = DataTree(settings.paths.root.absolute())
    reads = settings.dry_run or (wanted == {"statistics"} and settings.prepare.images is not None)
    with nullcontext() if reads else held(folder_lock(tree.root), tree.root, "choose another paths.root"):
        run_stages(settings, tree, wanted)


def run_stages(settings: PrepareSettings, tree: DataTree, wanted: Collection[str]) -> None:
    """Run stages in the order of their inputs."""
    from hpa_lit.stages.failures import IncompleteError

    incomplete = []
    for name, run in stages(settings, tree).items():
        if name in wanted or "all" in wanted:
            try:
                run()
            except IncompleteError as error:
                if settings.prepare.on_missing != "skip":
                    raise
                incomplete.append(str(error))
    if incomplete:
        raise InputError("\n".join(incomplete))


def stages(settings: PrepareSettings, tree: DataTree) -> dict[Stage, Callable[[], None]]:
    """Every stage with its settings, in the order of their inputs."""
    from hpa_lit.files.rgby import Layout
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

    options, data = settings.prepare, settings.data
    workers = Workers(options.workers, options.backend, options.scheduler)
    own = (options.naming, Layout(tuple((options.planes or {}).items()), options.z))
    conversion = resize.Conversion(data.bits, options.rgb_channels, options.upscale)
    source = download.Source(**options.download.model_dump())
    sets, sizes, on_missing = options.sets, options.sizes, options.on_missing
    distance, seed = options.max_distance, options.seed
    return {
        "download": lambda: download.run(tree, source, settings.dry_run),
        "resize": lambda: resize.run(tree, sets, sizes, conversion, workers, options.compression),
        "metadata": lambda: metadata.run(tree, sets),
        "match": lambda: duplicates.run_train_external(tree, distance, workers, on_missing),
        "match_test": lambda: duplicates.run_test(tree, distance, workers, on_missing),
        "folds": lambda: folds.run(tree, options.folds, seed),
        "statistics": lambda: statistics.run(
            tree, data.image_size, options.images, conversion, workers, on_missing, data.channels, *own
        ),
        "antibody_splits": lambda: antibody_splits.run(tree, options.set_aside, seed),
        "corrections": lambda: corrections.run(tree),
        "leak": lambda: leak.run(tree),
        "verify": lambda: verify.run(tree, sets, sizes, data.image_size, options.folds, on_missing),
    }


if __name__ == "__main__":
    main()
