"""``python -m hpa_lit.combine``: prediction files of views, folds and models to one probability an image and label."""

import glob
from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli.command import command, resolved
from hpa_lit.errors import InputError
from hpa_lit.files.tree import OutputTree


def find(patterns: str | list[str]) -> list[Path]:
    """The files that names and patterns such as ``fold*/test.parquet`` stand for, each once, patterns in order."""
    found: dict[Path, None] = {}
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
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

    settings = resolved(config)
    result = combine(
        {str(path): prediction_file.read(path) for path in find(settings["predictions"])},
        views=settings["over_views"],
        weights=settings["weights"],
        pairs=pairs(Path(settings["duplicates"])) if settings["duplicates"] else (),
        folds=settings["folds"],
        on_failed=settings["on_failed"],
    )
    asked, outputs = settings["output"], OutputTree(Path(settings["paths"]["outputs"]))
    output = Path(asked) if asked else outputs.combined(result.dataset)
    prediction_file.write(output, result)
    print(f"{len(result.ids)} images -> {output}")


if __name__ == "__main__":
    main()
