"""Images in one folder for each label: ROOT/<label>/<Id>.tif. An image that lies in two folders has both labels."""

from pathlib import Path

import numpy as np

from hpa_lit.data import Examples, ImageDataModule, Sides
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.stages.folds import split


class LabelFolders(ImageDataModule):
    def __init__(self, root, folds=5, fold=0, **shared):
        super().__init__(**shared)
        self.root, self.n_folds, self.fold = Path(root), folds, fold

    def read(self):
        folders = sorted(path for path in self.root.glob("*") if path.is_dir())
        if not folders:
            raise InputError(f"there are no label folders in {self.root}: set data.root")
        self.labels, self.num_classes = [folder.name for folder in folders], len(folders)
        found = [rgby.list_images(folder) for folder in folders]
        files = {image_id: planes for images in found for image_id, planes in images.items()}
        ids = sorted(files)
        targets = np.array([[image_id in images for images in found] for image_id in ids], np.uint8)
        sides = split(targets, self.n_folds)[self.fold]
        return Sides(
            *(Examples([ids[row] for row in rows], [files[ids[row]] for row in rows], targets[rows]) for rows in sides)
        )
