"""``python -m hpa_lit.combine``: prediction files of views, folds and models to one probability an image and label."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig
from pydantic import NonNegativeInt, PositiveFloat

from hpa_lit.cli.command import command
from hpa_lit.cli.settings import OnFailed, Paths, Settings, Several
from hpa_lit.errors import InputError
from hpa_lit.files.tree import OutputTree


class CombineSettings(Settings):
    """Of conf/combine.yaml, which says what each is."""

    paths: Paths
    predictions: Several[str]
    over_views: Literal["maximum", "mean", "first"]
    weights: Several[PositiveFloat] | None
    folds: Several[NonNegativeInt] | None
    duplicates: Path | None
    on_failed: OnFailed
    output: Path | None


def find(patterns: Sequence[str]) -> list[Path]:
    """The files that names and patterns such as ``fold*/test.parquet`` stand for, each once, patterns in order."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        if not (matches := sorted(glob.glob(pattern, recursive=True))):  # noqa: PTH207, Path.glob takes no absolute pattern
            raise InputError(f"predictions: there is no file {pattern}")
        found |= dict.fromkeys(map(Path, matches))
    return list(found)


@command("combine")
def main(config: DictConfig) -> None:
    """Read the prediction files, combine them, write one."""
    from hpa_lit.files import prediction_file
    from hpa_lit.results.combination import combine
    from hpa_lit.results.tables import pairs

    settings = CombineSettings.of(config)
    result = combine(
        {str(path): prediction_file.read(path) for path in find(settings.predictions)},
        views=settings.over_views,
        weights=settings.weights,
        pairs=pairs(settings.duplicates) if settings.duplicates else (),
        folds=settings.folds,
        on_failed=settings.on_failed,
    )
    output = settings.output or OutputTree(settings.paths.outputs).combined(result.dataset)
    prediction_file.refuse_other(output)
    prediction_file.write(output, result)
    print(f"{len(result.ids)} images -> {output}")


if __name__ == "__main__":
    main()
