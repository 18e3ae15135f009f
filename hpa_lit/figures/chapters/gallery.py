"""The images themselves: all of them in a table, examples of each label, and where the network looks."""

import base64
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.figures.chapters.chapter import Chapter, file_name
from hpa_lit.figures.contact_sheet import Tile, composite, contact_sheet
from hpa_lit.figures.pictures import beside, brightened, encoded, heat, protein
from hpa_lit.files.rgby import Pixels
from hpa_lit.results.answers import Answers, JudgedAnswers, image_table, in_words

_BRIGHTEST = 8  # times: what is darker still is noise
_MAP_SIDE = 320  # pixels of an activation map on the page; on the sheet it is as large as the network saw it


def images(answers: Answers, found: pd.DataFrame, shown: Mapping[str, Pixels]) -> Chapter:
    """All images with their answers, for the page to sort and filter, and the pictures of some.

    Args:
        answers: What the report is about.
        found: Examples, as `examples.choose` gives them.
        shown: Pictures by Id, shape (H, W, 3) or (H, W, 4), red, green, blue, yellow, 0..255.
    """
    table = image_table(answers)
    row = {image_id: number for number, image_id in enumerate(answers.ids)}
    number = {name: place for place, name in enumerate(answers.names)}
    errors: dict[str, list[int]] = {}
    for example in found[found["kind"] == "error"].to_dict("records"):
        errors.setdefault(example["Id"], []).append(number[example["label"]])
    pictures = {image_id: _planes(image) for image_id, image in shown.items()}
    data = {
        "labels": answers.names,
        "thresholds": None if answers.thresholds is None else answers.thresholds.round(4).tolist(),
        "judged": isinstance(answers, JudgedAnswers),
        "images": [
            {
                "id": image_id,
                "probs": (1000 * answers.probs[row[image_id]]).round().astype(int).tolist(),
                "given": _places(answers.given[row[image_id]]),
                "true": _places(answers.truth[row[image_id]]) if isinstance(answers, JudgedAnswers) else None,
                "errors": errors.get(image_id, []),
                "planes": pictures.get(image_id),
            }
            for image_id in table["Id"]
        ],
    }
    values = {"data": data, "total": len(table), "pictured": len(pictures), "columns": list(table)}
    return Chapter(values, {"images": table})


def examples(answers: Answers, found: pd.DataFrame, shown: Mapping[str, Pixels], most: int) -> Chapter:
    """The first images of each label and kind, side by side on the page, and as contact sheets for slides.

    Args:
        answers: What the report is about.
        found: Label, kind, Id, probability, as `examples.choose` gives them.
        shown: Pictures by Id, those of the first `most` of each label and kind among them.
        most: How many images of a kind.
    """
    rows = answers.truth if isinstance(answers, JudgedAnswers) else answers.given
    said = dict(zip(answers.ids, in_words(rows, answers.names), strict=True))
    labels, pictures = [], {}
    for number, name in enumerate(answers.names):
        groups, sheet = [], []
        for kind, chosen in found[found["label"] == name].groupby("kind", sort=False):
            first = chosen.head(most).to_dict("records")
            groups.append({"kind": kind, "total": len(chosen), "images": first})
            tiles = []
            for example in first:
                image, caption = shown[example["Id"]], f"{name}: {kind} {example['probability']:.2f}"
                tiles += [Tile(image, [caption.replace("_", " "), example["Id"], said[example["Id"]] or "none"])]
                tiles += [Tile(protein(image), ["protein alone"])]
            sheet.append((tiles[0], tiles[1:]))
        labels.append({"name": name, "number": number, "groups": groups})
        if sheet:
            pictures[f"sheet_{file_name(number, name)}"] = encoded(contact_sheet(sheet), "png")
    values = {"labels": labels, "said": said, "thresholds": answers.thresholds}
    return Chapter(values, {"examples": found}, pictures)


def activations(found: pd.DataFrame, seen: Sequence[tuple[Pixels, npt.NDArray[np.float32]]]) -> Chapter:
    """Class activation maps over the protein.

    Args:
        found: N examples: label, kind, Id, probability.
        seen: For each the image (S, S, C) as the network saw it, and the map (S, S), 0..1.
    """
    maps, rows = [], []
    for example, (image, activation) in zip(found.to_dict("records"), seen, strict=True):
        warm = heat(protein(image), activation)
        maps.append({**example, "jpeg": encoded(beside(composite(image), warm, _MAP_SIDE), "jpeg")})
        caption = [f"{example['label']} {example['probability']:.2f}", example["Id"]]
        rows.append((Tile(image, caption), [Tile(protein(image), ["protein alone"]), Tile(warm, ["activation"])]))
    if not rows:
        return Chapter({"maps": maps})
    sheet = contact_sheet(rows, min(len(seen[0][0]), _MAP_SIDE))
    return Chapter({"maps": maps}, pictures={"activation_maps": encoded(sheet, "png")})


def _places(row: npt.NDArray[np.uint8]) -> list[int]:
    return [int(label) for label in np.flatnonzero(row)]


def _planes(image: Pixels) -> list[str]:
    """JPEGs in Base64: red, green and blue in one, and yellow in another where there is any."""
    bright = brightened(image, _BRIGHTEST)
    parts = [bright[:, :, :3], *([bright[:, :, 3]] if image[:, :, 3:].any() else [])]
    return [base64.b64encode(encoded(np.ascontiguousarray(part), "jpeg")).decode() for part in parts]
