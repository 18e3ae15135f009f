"""Found neighbours in pictures and words."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.figures.contact_sheet import Tile, contact_sheet
from hpa_lit.files import rgby


def neighbour_sheet(
    found: pd.DataFrame,
    queries: Mapping[str, rgby.ImageFiles],
    gallery: Mapping[str, rgby.ImageFiles],
    bits: rgby.BitDepth,
    most: int,
) -> npt.NDArray[np.uint8]:
    """Draw queries beside their neighbours; a neighbour without a picture is black and says so.

    Args:
        found: As `neighbours.neighbour_table` gives it, with the columns locations, novel and p_value; antibody may
            be among them.
        queries: The files of each query by Id.
        gallery: Likewise of the gallery's images; some may be absent.
        bits: Depth of queries stored in 16 bits.
        most: How many queries to draw, the first.

    Returns:
        RGB picture, shape (height, width, 3).
    """
    rows = []
    for image_id in found["Id"].drop_duplicates()[:most].tolist():
        near = found[found["Id"] == image_id].to_dict("records")
        novel = bool(near[0]["novel"])
        caption = [image_id, f"unlike the gallery, p {near[0]['p_value']:.3f}"] if novel else [image_id]
        query = Tile(_picture(queries[image_id], bits), caption, novel)
        rows.append((query, [_tile(row, gallery.get(row["neighbour"])) for row in near]))
    return contact_sheet(rows)


def _tile(row: Mapping[object, object], files: rgby.ImageFiles | None) -> Tile:
    caption = [f"{row['score']:.2f}  {row['neighbour']}", str(row["locations"])]
    if "antibody" in row:
        caption.insert(1, f"antibody {row['antibody']}")
    if files is None:
        return Tile(np.zeros((64, 64, 3), np.uint8), [*caption, "no picture"])
    return Tile(_picture(files), caption)


def _picture(files: rgby.ImageFiles, bits: rgby.BitDepth = "auto") -> rgby.Pixels:
    """What a composite shows; the search has refused planes that it needs and are missing."""
    return rgby.read(files, bits, channels="rgb", missing="zero")
