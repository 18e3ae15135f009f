"""Look at every picture before a GPU does: ``python -m hpa_lit.check images=DIR labels=FILE``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from hpa_lit.cli.command import FOLDER, command, resolved
from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree, replacing

if TYPE_CHECKING:
    from hpa_lit.data.label_table import LabelTable
    from hpa_lit.data.sources import Files
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


@command("check", FOLDER)
def main(config: DictConfig) -> None:
    """Look at every image, its labels and folds; say everything that was found."""
    import pandas as pd

    from hpa_lit.preflight import findings
    from hpa_lit.preflight.inspection import look
    from hpa_lit.stages.workers import Workers

    settings = resolved(config, OPTIONAL)
    data, out = settings["data"], Path(settings["out"] or "")
    if settings["out"] and out.suffix != ".csv":
        raise InputError(f"out={out}: choose a name that ends in .csv")
    subject = folder(settings) if data["name"] == "folder" else atlas(settings)
    looking = partial(look, bits=data["bits"], channels=data["channels"])
    looked = Workers(settings["workers"]).map(looking, list(subject.files.values()), "check")
    looks = dict(zip(subject.files, looked, strict=True))
    found = [
        *findings.of_files(looks),
        *findings.of_pixels(looks),
        *findings.of_statistics(looks, data["mean"], data["std"]),
        *subject.found,
    ]
    if subject.table:
        table = subject.table
        found += findings.of_labels(table.ids, table.labels, table.names, looks, len(subject.folds))
    found += findings.of_folds(looks, subject.folds, settings["max_distance"])

    if settings["out"]:
        with replacing(out) as temporary:
            rows = [{"Id": image_id, **each.row()} for image_id, each in looks.items()]
            pd.DataFrame(rows).to_csv(temporary, index=False)
    errors, warnings = (sum(finding.level == level for finding in found) for level in ("error", "warning"))
    if settings["json"]:
        print(json.dumps({"errors": errors, "warnings": warnings, "findings": [asdict(finding) for finding in found]}))
    else:
        print(*found, sep="\n")
    verdict = f"{len(looks)} images; errors: {errors}, warnings: {warnings}"
    if errors or (warnings and settings["strict"]):
        raise InputError(verdict)
    if not settings["json"]:
        print(f"passed: {verdict}")


def folder(settings: dict[str, Any]) -> Subject:
    """The images of a folder, their labels where there is a table, and the folds that train makes of it."""
    from hpa_lit.data.label_table import read_label_table
    from hpa_lit.data.sources import folder_files
    from hpa_lit.preflight.findings import Finding
    from hpa_lit.stages.folds import split

    data = settings["data"]
    if data["images"] is None:
        raise InputError("say what to look at: images=DIR labels=FILE, or data=i768 for the prepared atlas")
    files = folder_files(Path(data["images"]))
    if data["labels"] is None:
        return Subject(files)
    try:
        table = read_label_table(Path(data["labels"]), data["label_list"])
    except InputError as error:
        return Subject(files, found=[Finding("error", "table", str(error))])
    try:
        rows = split(table.labels, data["folds"])
    except InputError as error:
        return Subject(files, table, found=[Finding("error", "folds", str(error))])
    ids = [([table.ids[row] for row in train], [table.ids[row] for row in valid]) for train, valid in rows]
    return Subject(files, table, ids)


def atlas(settings: dict[str, Any]) -> Subject:
    """The images, labels and folds of a split of the prepared atlas."""
    import pandas as pd

    from hpa_lit.data.label_table import LabelTable
    from hpa_lit.data.sources import split_tables, table_files
    from hpa_lit.labels import LABEL_NAMES, encode_all

    tree, size = DataTree(Path(settings["paths"]["root"]).absolute()), settings["data"]["image_size"]
    folds = split_tables(tree, settings["split"])
    tables = [table for sides in folds for table in sides]
    rows = pd.concat(tables).drop_duplicates("Id")
    table = LabelTable(rows["Id"].tolist(), encode_all(rows["Target"].tolist()), list(LABEL_NAMES))
    files = {image_id: files for image_id, files in table_files(tree, size, tables).items() if files}
    return Subject(files, table, [(train["Id"].tolist(), valid["Id"].tolist()) for train, valid in folds])


if __name__ == "__main__":
    main()
