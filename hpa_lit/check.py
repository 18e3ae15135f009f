"""Look at every picture before a GPU does: ``python -m hpa_lit.check images=DIR labels=FILE``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from omegaconf import DictConfig
from pydantic import Field

from hpa_lit.cli.command import command
from hpa_lit.cli.parts import Data
from hpa_lit.cli.settings import Paths, Settings
from hpa_lit.cli.words import FOLDER
from hpa_lit.errors import InputError
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    from hpa_lit.data.label_table import LabelTable
    from hpa_lit.data.module import Files, ImageDataModule
    from hpa_lit.preflight.findings import Finding, Fold

# Of data=folder: images alone can be looked at too.
OPTIONAL = ("data.images", "data.labels")


@dataclass(frozen=True)
class Subject:
    """What to look at, and what is wrong with it before any image is read."""

    files: "Files"
    table: "LabelTable | None" = None
    folds: Sequence["Fold"] = ()
    found: Sequence["Finding"] = ()


class CheckSettings(Settings):
    """Of conf/check.yaml, which says what each is."""

    paths: Paths
    data: Data
    split: str
    max_distance: Annotated[int, Field(ge=0, le=64)]
    workers: Annotated[int, Field(ge=-1)]
    strict: bool
    out: Path | None
    as_json: bool = Field(alias="json")


@command("check", FOLDER)
def main(config: DictConfig) -> None:
    """Look at every image, its labels and folds; say everything that was found."""
    import pandas as pd

    from hpa_lit.data import build_data
    from hpa_lit.preflight import findings
    from hpa_lit.preflight.inspection import look
    from hpa_lit.stages.workers import Workers

    settings = CheckSettings.of(config, OPTIONAL)
    data, out = settings.data, Path(settings.out or "")
    if settings.out and out.suffix != ".csv":
        raise InputError(f"out={out}: choose a name that ends in .csv")
    if data.get("images", "") is None:
        raise InputError("say what to look at: images=DIR labels=FILE, or data=i768 for the prepared atlas")
    module = build_data(data, trust=True)
    subject = look_at(module)
    looking = partial(look, bits=data["bits"], channels=data["channels"])
    looked = Workers(settings.workers).map(looking, list(subject.files.values()), "check")
    looks = dict(zip(subject.files, looked, strict=True))
    found = [
        *findings.of_files(looks),
        *(findings.Finding("ok", "names", note) for note in module.notes),
        *findings.of_channels(looks),
        *findings.of_names(list(looks)),
        *findings.of_pixels(looks),
        *findings.of_statistics(looks, data["mean"], data["std"]),
        *subject.found,
    ]
    if subject.table:
        table = subject.table
        count, own_list = len(subject.folds), "label_list" in data
        found += findings.of_labels(table.ids, table.labels, table.names, looks, count, own_list)
    found += findings.of_folds(looks, subject.folds, settings.max_distance)

    if settings.out:
        with replacing(out) as temporary:
            rows = [{"Id": image_id, **each.row()} for image_id, each in looks.items()]
            pd.DataFrame(rows).to_csv(temporary, index=False)
    errors, warnings = (sum(finding.level == level for finding in found) for level in ("error", "warning"))
    if settings.as_json:
        print(json.dumps({"errors": errors, "warnings": warnings, "findings": [asdict(finding) for finding in found]}))
    else:
        print(*found, sep="\n")
    verdict = f"{len(looks)} images; errors: {errors}, warnings: {warnings}"
    if errors or (warnings and settings.strict):
        raise InputError(verdict)
    if not settings.as_json:
        print(f"passed: {verdict}")


def look_at(data: "ImageDataModule") -> Subject:
    """All images of a data module, their labels where there are some, and the folds that train would make."""
    from hpa_lit.preflight.findings import Finding

    files = data.images()
    try:
        table = data.label_table()
    except InputError as error:
        return Subject(files, found=[Finding("error", "table", str(error))])
    try:
        return Subject(files, table, data.folds())
    except InputError as error:
        return Subject(files, table, found=[Finding("error", "folds", str(error))])


if __name__ == "__main__":
    main()
