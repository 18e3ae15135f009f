"""Where the cells of a set of fields lie: masks, each as an image, answers, pictures."""

from dataclasses import dataclass
from pathlib import Path

from hpa_lit.files.tree import MadeFolder


@dataclass(frozen=True)
class CellTree(MadeFolder):
    """The folder of the cells of a set of fields."""

    def mask(self, image_id: str) -> Path:
        """The cells of a field, a label image as large as the field."""
        return self.folder / "masks" / f"{image_id}.tif"

    def nuclei(self, image_id: str) -> Path:
        """Likewise of their nuclei, with the numbers of the cells."""
        return self.folder / "nuclei" / f"{image_id}.tif"

    @property
    def images(self) -> Path:
        """Folder of the cells as a network sees them, ``<Id>/<number>.tif`` of four channels."""
        return self.folder / "images"

    def image(self, cell: str) -> Path:
        """One of these, by the Id of the cell."""
        return self.images / f"{cell}.tif"

    @property
    def cutting(self) -> Path:
        """How the cells were cut out, in JSON: size, side, margin, others."""
        return self.folder / "cutting.json"

    def found(self, image_id: str) -> Path:
        """What was found in a field, in JSON; there once all its cells are."""
        return self.folder / "found" / f"{image_id}.json"

    @property
    def fields(self) -> Path:
        """The prediction file of the fields."""
        return self.folder / "fields.parquet"

    @property
    def cells(self) -> Path:
        """The prediction file of the cells, each seen alone."""
        return self.folder / "cells.parquet"

    def table(self, name: str) -> Path:
        """The answers about fields, or about cells, for people: a CSV."""
        return self.folder / f"{name}.csv"

    @property
    def scores(self) -> Path:
        """Scores against the truth, in JSON."""
        return self.folder / "scores.json"

    @property
    def decision(self) -> Path:
        """What makes probabilities of cells mean what they say, fitted to the truth, in JSON."""
        return self.folder / "decision.json"

    def outlines(self, image_id: str) -> Path:
        """A field with the outlines of its cells and their answers, a PNG."""
        return self.folder / "outlines" / f"{image_id}.png"

    @property
    def contact_sheet(self) -> Path:
        """The most probable cells of each location, a PNG."""
        return self.folder / "contact_sheet.png"
