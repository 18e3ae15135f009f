"""Stage statistics (method 2.8): mean and standard deviation of the channels, for normalisation.

Inputs: images/<size>/train and test, or any folder of images. Output: tables/statistics_<size>.json for the former.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import tables
from hpa_lit.stages.images import OnMissing, present
from hpa_lit.stages.resize import Conversion
from hpa_lit.stages.workers import Workers

Moments = npt.NDArray[np.float64]  # (2, C): mean and standard deviation, each of red, green, blue and yellow


@dataclass(frozen=True)
class Statistics:
    """Means over images, of pixels / 255, in the order red, green, blue and, where there is one, yellow."""

    images: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        """As settings on a command line."""
        mean, std = (",".join(f"{value:.6f}" for value in values) for values in (self.mean, self.std))
        return f"data.mean=[{mean}] data.std=[{std}]"


def moments(image: rgby.Pixels) -> Moments:
    """Mean and population standard deviation of each channel of an image (H, W, C), of pixel / 255."""
    counts = np.stack([np.bincount(image[:, :, c].reshape(-1), minlength=256) for c in range(image.shape[2])])
    shares = counts / counts.sum(axis=1, keepdims=True)
    levels = np.arange(256) / 255
    mean = shares @ levels
    return np.stack([mean, np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(axis=1))])


def summarise(each: Sequence[Moments]) -> Statistics:
    """Mean over images, in their order, of their moments."""
    if not each:
        raise InputError("there are no images to take statistics of")
    mean, std = np.mean(each, axis=0)
    return Statistics(len(each), tuple(mean.tolist()), tuple(std.tolist()))


def of_images(
    images: Mapping[str, rgby.ImageFiles], conversion: Conversion, workers: Workers, channels: rgby.Channels = "rgby"
) -> Statistics:
    """Statistics of these channels of images on disk; a worker holds one image at a time.

    Raises:
        InputError: Names every image that cannot be read.
    """
    each: list[Moments] = []
    problems = []
    for result in workers.map(
        partial(_of_files, conversion=conversion, channels=channels), list(images.values()), "statistics"
    ):
        if isinstance(result, str):
            problems.append(result)
        else:
            each.append(result)
    if problems:
        raise InputError(f"{len(problems)} of {len(images)} images cannot be read:\n{listing(problems)}")
    return summarise(each)


def run(
    tree: DataTree,
    size: int,
    folder: Path | None,
    conversion: Conversion,
    workers: Workers,
    on_missing: OnMissing,
    channels: rgby.Channels = "rgby",
    naming: str | None = None,
    layout: rgby.Layout = rgby.PLAIN,
) -> None:
    """Print the statistics of a folder; or those of the train and test images of a size, and keep these.

    The files of a folder are found by `naming` and `layout` as `rgby.search` does.
    """
    if folder is not None:
        found = rgby.search(folder, naming, layout)
        for line in found.said:
            print(line)
        statistics = of_images(found.images, conversion, workers, channels)
    else:
        paths = present(tree, "train", size, on_missing) | present(tree, "test", size, on_missing)
        statistics = of_images({i: {rgby.STACK: path} for i, path in paths.items()}, conversion, workers)
        tables.write_json(tree.statistics(size), asdict(statistics))
    print(f"statistics: {statistics.images} images: {statistics}")


def _of_files(files: rgby.ImageFiles, conversion: Conversion, channels: rgby.Channels) -> Moments | str:
    try:
        return moments(rgby.read(files, conversion.bits, conversion.rgb_channels, channels))
    except InputError as error:
        return str(error)
