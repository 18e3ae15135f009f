"""A small atlas in the layout of the real downloads, with the answers hidden beside it."""

import json
from pathlib import Path
from typing import Any, Literal

import cv2
import imagehash
import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import label_image, rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.writing import replacing
from hpa_lit.progress import progress
from hpa_lit.synthetic.field import draw_cells
from hpa_lit.synthetic.plan import COPY, FIELD, MIXED, STYLE, Entry, Plan, make_plan
from hpa_lit.synthetic.style import Style

PNG_SIZE = 512  # the competition's PNGs
PngOrTiff = Literal["png", "tif", "both"]


def draw_atlas(
    tree: DataTree,
    fields: int = 300,
    test_share: float = 0.2,
    external_share: float = 0.3,
    images_per_antibody: int = 4,
    duplicates: int = 6,
    size: int = 512,
    files: PngOrTiff = "png",
    mixed: float = 0.0,
    seed: int = 0,
    workers: int | None = None,
) -> Plan:
    """Draw an atlas: the raw files and tables, the external JPEGs as their website lays them out, the hidden answers.

    The same arguments give the same atlas, whatever the number of workers.

    Args:
        tree: Where to; the folder must not hold another atlas.
        fields: Images in all.
        test_share: Part of them that is the test set.
        external_share: Part of them that is external.
        images_per_antibody: Mean number of images of an antibody.
        duplicates: Pairs of images of one field that are planted, of each of four kinds.
        size: Side of JPEGs and TIFFs in pixels; PNGs are brought to 512 where it is larger.
        files: What train and test images are stored as.
        mixed: Part of the fields in which each cell shows some of the labels, or none, in place of all.
        seed: Any other gives another atlas.
        workers: Processes; None takes the cores that this one may use.

    Returns:
        What was drawn.

    Raises:
        InputError: There is another atlas, or the numbers do not go together.
    """
    decisive = {key: value for key, value in locals().items() if key not in ("tree", "workers")}
    plan = make_plan(fields, test_share, external_share, images_per_antibody, duplicates, seed)
    _claim(tree, decisive)
    jobs = (
        joblib.delayed(_draw)(tree, entry, number, size, files, mixed, seed)
        for number, entry in enumerate(plan.entries)
    )
    parallel = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), return_as="generator")
    drawn = list(progress(parallel(jobs), "draw", len(plan.entries)))
    _write_tables(tree, plan, pd.concat(drawn))
    return plan


def _claim(tree: DataTree, settings: dict[str, object]) -> None:
    """Keep off folders that hold real downloads, or an atlas that was drawn otherwise."""
    text = json.dumps(settings, indent=1)
    if tree.atlas_settings.exists():
        if tree.atlas_settings.read_text() != text:
            raise InputError(f"{tree.root} holds an atlas drawn with other settings: choose another paths.root")
    elif tree.train_csv.parent.exists():
        raise InputError(f"{tree.train_csv.parent} exists and was not drawn here; choose another paths.root")
    with replacing(tree.atlas_settings) as temporary:
        temporary.write_text(text)


def _draw(
    tree: DataTree, entry: Entry, number: int, size: int, files: PngOrTiff, mixed: float, seed: int
) -> pd.DataFrame:
    """Draw an image and the label image of its cells; returns what the cells show."""
    style = Style.draw(entry.labels, np.random.default_rng([seed, STYLE, entry.antibody]))
    is_mixed = bool(np.random.default_rng([seed, MIXED, entry.field]).random() < mixed)
    field = draw_cells(entry.labels, size, np.random.default_rng([seed, FIELD, entry.field]), style, is_mixed)
    image = field.image
    label_image.write(tree.cell_masks(entry.image_id), field.cells)
    if entry.is_copy:
        image = _photograph_again(image, np.random.default_rng([seed, COPY, number]))
    for color, plane in zip(rgby.COLORS, image.transpose(2, 0, 1), strict=True):
        plane = np.ascontiguousarray(plane)
        if entry.image_set == "external":
            _write_jpeg(tree.site_image(entry.image_id, color), plane, color)
            continue
        stem = tree.raw_images(entry.image_set) / f"{entry.image_id}_{color}"
        if files != "tif":
            side = min(size, PNG_SIZE)
            _write_picture(stem.with_suffix(".png"), cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA))
        if files != "png":
            with replacing(stem.with_suffix(".tif"), sync=False) as temporary:
                tifffile.imwrite(temporary, plane, compression="zlib")
    targets = [" ".join(map(str, sorted(labels))) for labels in field.labels]
    return pd.DataFrame({"Id": entry.image_id, "cell": range(1, len(targets) + 1), "Target": targets})


def _photograph_again(image: rgby.Pixels, rng: np.random.Generator) -> rgby.Pixels:
    """The same field at another exposure, with other noise, once through JPEG."""
    exposure = rng.uniform(0.85, 1.1, 4)
    noisy = image * exposure + rng.normal(0, 2.5, image.shape)
    planes = []
    for plane in np.clip(noisy, 0, 255).astype(np.uint8).transpose(2, 0, 1):
        _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(plane), [cv2.IMWRITE_JPEG_QUALITY, 80])
        planes.append(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8))
    return np.stack(planes, axis=2)


def _write_jpeg(path: Path, plane: npt.NDArray[np.uint8], color: str) -> None:
    """Write a plane in its color; yellow is red and green."""
    colored = np.zeros((*plane.shape, 3), np.uint8)
    for channel in {"red": [0], "green": [1], "blue": [2], "yellow": [0, 1]}[color]:
        colored[:, :, channel] = plane
    _write_picture(path, cv2.cvtColor(colored, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


def _write_picture(path: Path, pixels: Any, options: list[int] | None = None) -> None:
    _, picture = cv2.imencode(path.suffix, pixels, options or [])
    with replacing(path, sync=False) as temporary:  # every start draws all anew
        temporary.write_bytes(picture.tobytes())


def _write_tables(tree: DataTree, plan: Plan, cells: pd.DataFrame) -> None:
    def targets(entries: list[Entry], column: str = "Target") -> pd.DataFrame:
        return pd.DataFrame([(e.image_id, e.target) for e in entries], columns=["Id", column])

    tables = {
        tree.train_csv: targets(plan.of("train")),
        tree.external_csv: targets(plan.of("external")),
        tree.corrections_csv: plan.corrections,
        tree.sample_submission: targets(plan.of("test"), "Predicted").assign(Predicted=0),
        tree.test_truth: targets(plan.of("test")),
        tree.planted: plan.planted,
        tree.cell_truth: cells.sort_values(["Id", "cell"]),
        tree.leak_csv: _leak_list(tree, plan),
    }
    for path, table in tables.items():
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False)


def _leak_list(tree: DataTree, plan: Plan) -> pd.DataFrame:
    """The planted pairs of test and external images, with the distances of their hashes as they lie on disk."""
    target = {entry.image_id: entry.target for entry in plan.entries}
    pairs = plan.planted[plan.planted["kind"] == "test-external"]
    on_disk = rgby.list_images(tree.raw_images("test"))
    rows = []
    for test, external in zip(pairs["query"], pairs["gallery"], strict=True):
        planes = cv2.split(rgby.read(on_disk[test]))
        distances = []
        for channel, color in enumerate(rgby.COLORS[:3]):
            twin = rgby.read_plane(tree.site_image(external, color), rgby.RGB_CHANNELS[channel])
            distances.append(_hash(planes[channel]) - _hash(twin))
        gene = f"ENSG{int(external.split('_')[0]):011d}"
        rows.append((f"{gene}_{external}", test, *distances, target[external], None))
    return pd.DataFrame(rows, columns=["Extra", "Test", "SimR", "SimG", "SimB", "Target", "Target_noisey"])


def _hash(plane: npt.NDArray[np.generic]) -> imagehash.ImageHash:
    return imagehash.phash(Image.fromarray(cv2.resize(np.asarray(plane), (PNG_SIZE, PNG_SIZE))))
