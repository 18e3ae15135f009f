"""``python -m hpa_lit.neighbours``: the atlas images most like each query, and answers replaced by theirs."""

from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from hpa_lit.command import command, resolved
from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.results import neighbours, submission, tables
from hpa_lit.results.files import read_features
from hpa_lit.tree import AnswerTree, DataTree, replacing

COLUMNS = ("Id", "Target", "antibody", "antibody_code")


@command("neighbours")
def main(config: DictConfig) -> None:
    """Search, say what each threshold would do, replace answers."""
    settings = resolved(config)
    out, on_failed = AnswerTree(Path(settings["output"])), settings["on_failed"]
    gallery_path, query_path = label_tables(settings)
    gallery = tables.read(gallery_path, COLUMNS, unique="Id")
    known = tables.read(query_path, COLUMNS, unique="Id")

    gallery_ids, gallery_features = read_features(Path(settings["gallery"]), on_failed, gallery.Id.tolist())
    searched = known.Id.tolist() if settings["set"] == "validation" else None
    ids, features = read_features(Path(settings["queries"]), on_failed, searched)
    neighbours.refuse_shared(ids, gallery_ids)
    gallery = gallery.set_index("Id", drop=False).loc[gallery_ids]
    rows, scores = neighbours.match(features, gallery_features, settings["k"], settings["standardise"])
    best = gallery.iloc[rows[:, 0]]

    found = neighbours.neighbour_table(ids, rows, scores, gallery)
    if settings["held_out"]:
        _, others = read_features(Path(settings["held_out"]), on_failed)
        _, usual = neighbours.match(others, gallery_features, 1, settings["standardise"])
        found["novel"] = np.repeat(scores[:, 0] < neighbours.novelty_threshold(usual[:, 0]), settings["k"])
    submission.write(out.neighbours, found)

    truth = known.set_index("Id").reindex(ids)
    same, equal = (truth[name].to_numpy() == best[name].to_numpy() for name in ("antibody_code", "Target"))
    table = neighbours.threshold_table(scores[:, 0], same, equal)
    submission.write(out.thresholds, table)
    print(table.to_string(index=False, float_format="{:.4f}".format))

    if settings["submission"]:
        before = submission.read_submission(Path(settings["submission"]))
        above = scores[:, 0] > settings["threshold"]
        answers = {i: target for i, target, take in zip(ids, best.Target, above, strict=True) if take}
        after = submission.with_answers(before, answers, len(LABEL_NAMES))
        submission.write(out.submission, after)
        submission.write(out.changes, changes := submission.changes(before, after, LABEL_NAMES))
        print(changes.to_string(index=False))
        print(f"{len(answers)} of {len(before)} answers replaced -> {out.submission}")
    with replacing(out.config) as temporary:
        OmegaConf.save(OmegaConf.create(settings), temporary)
    print(f"{len(ids)} queries, {settings['k']} neighbours each -> {out.neighbours}")


def label_tables(settings: dict[str, Any]) -> tuple[Path, Path]:
    """The label tables of the gallery and of the queries whose labels are known."""
    data = DataTree(Path(settings["paths"]["root"]))
    sets = {
        "test": (data.corrected, data.leak),
        "validation": (data.antibody_split("before", "train"), data.antibody_split("before", "valid")),
    }
    if settings["set"] not in sets:
        raise InputError(f"set={settings['set']}: choose {' or '.join(sets)}")
    gallery, queries = sets[settings["set"]]
    return Path(settings["gallery_table"] or gallery), Path(settings["query_table"] or queries)


if __name__ == "__main__":
    main()
