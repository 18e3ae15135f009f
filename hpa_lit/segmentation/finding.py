"""Nuclei from the blue plane, and the cells around them from red and yellow (method 14).

All lengths are in diameters of a nucleus, so that magnification does not matter. Work is done on planes in which that
diameter is `WORKING` pixels: finer details of an outline are noise.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops
from skimage.morphology import h_maxima
from skimage.segmentation import relabel_sequential, watershed

from hpa_lit.errors import InputError
from hpa_lit.files.label_image import Labels
from hpa_lit.files.rgby import Pixels

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

WORKING = 48  # pixels of a nucleus's diameter
NUCLEUS = 16.0  # micrometres: the diameter of a nucleus of U-2 OS cells, which most fields of the atlas show
SMALLEST = 0.12  # of a nucleus's area: what is smaller is debris
NECK = 0.1  # two nuclei that touch are told apart where the neck is thinner than both by as much
RIM = 0.3  # so wide is the rim around a nucleus that says how bright the stain of its cell is
DIM = 0.4  # of that, on square roots: what is dimmer, a sixth as bright, is no part of the cell
REACH = 2.0  # a cell ends there, counted from its nucleus, at the latest


class Planes(NamedTuple):
    """A field at the size that cells are found at."""

    dna: Floats  # (h, w) blue
    stain: Floats  # (h, w) what is around nuclei: the roots of red and of yellow, added
    unit: float  # the diameter of a nucleus here, in pixels


class Cells(NamedTuple):
    """The cells of a field."""

    cells: Labels  # (H, W) number of the cell of each pixel, 1 to K; 0 between
    nuclei: Labels  # (H, W) likewise of its nucleus
    diameter: float  # of a nucleus, in pixels


def find_cells(red: Pixels, blue: Pixels, yellow: Pixels, diameter: float | None = None) -> Cells:
    """Find the cells of a field: every nucleus, and what of the two stains of the cytoplasm is nearest to it.

    Args:
        red: Microtubules, (H, W) uint8.
        blue: Nuclei.
        yellow: Endoplasmic reticulum.
        diameter: Of a nucleus, in pixels; None estimates it.

    Raises:
        InputError: There is no nucleus.
    """
    diameter = diameter or nuclear_diameter(blue)
    dna, stain, unit = working_planes(red, blue, yellow, diameter)
    nuclei = nuclei_of(dna, unit)
    if not nuclei.any():
        raise InputError("there is no nucleus in its blue plane")
    cells = _grown(nuclei, stain, unit)
    whole = enlarged(cells, blue.shape)
    inside = enlarged(nuclei, blue.shape)
    return Cells(whole, np.where(inside == whole, inside, np.uint16(0)), diameter)


def working_planes(red: Pixels, blue: Pixels, yellow: Pixels, diameter: float) -> Planes:
    """Make a field, (H, W) uint8 each, as small as its cells can be found at; none is enlarged.

    Args:
        red: Microtubules.
        blue: Nuclei.
        yellow: Endoplasmic reticulum.
        diameter: Of a nucleus, in pixels.
    """
    scale = min(1.0, WORKING / diameter)
    shape = tuple(max(1, round(side * scale)) for side in blue.shape)
    dna, tubules, reticulum = (_resized(plane, shape) for plane in (blue, red, yellow))
    return Planes(dna, np.sqrt(tubules) + np.sqrt(reticulum), diameter * scale)


def nuclear_diameter(blue: Pixels) -> float:
    """The diameter of a typical nucleus, in pixels: of the largest circles inside the bright spots of a blue plane.

    Circles inside, since nuclei that touch make one spot: it is longer than a nucleus, and no wider. Half of the area
    of all circles is in those that are larger.

    Raises:
        InputError: Nothing in the plane is bright enough, or large enough.
    """
    scale = min(1.0, 512 / max(blue.shape))
    small = _resized(blue, tuple(max(1, round(side * scale)) for side in blue.shape))
    inside = _depth(_filled(_bright(_blurred(small, 1.5))))
    spots, count = ndimage.label(inside > 0)
    radii = np.sort(np.asarray(ndimage.maximum(inside, spots, range(1, count + 1))))
    radii = radii[radii > 3]
    if not len(radii):
        raise InputError("there is no nucleus in its blue plane")
    area = np.cumsum(radii**2)
    return float(2 * radii[np.searchsorted(area, area[-1] / 2)] / scale)


def nuclei_of(dna: Floats, unit: float) -> npt.NDArray[np.int32]:
    """Label the nuclei of `Planes`, (h, w); where several make one spot, it is parted at its necks."""
    mask = _filled(_opened(_bright(_blurred(dna, 0.04 * unit), 0.6), 0.06 * unit))
    depth = _blurred(_depth(mask), 0.05 * unit)
    found = watershed(-depth, _peaks(depth, mask, NECK * unit), mask=mask)
    area = np.bincount(found.ravel())
    found[area[found] < SMALLEST * np.pi * (unit / 2) ** 2] = 0
    return np.asarray(relabel_sequential(found)[0], np.int32)


def _peaks(depth: Floats, mask: Mask, height: float) -> npt.NDArray[np.int32]:
    """Label the maxima of each spot that rise so high above the saddles between them."""
    peaks = np.zeros(mask.shape, bool)
    for spot in regionprops(label(mask)):  # one by one: most of a field is no spot, and sorting all of it takes longest
        inside = np.pad(depth[spot.slice] * spot.image, 1)
        peaks[spot.slice] |= h_maxima(inside, height)[1:-1, 1:-1] > 0
    return np.asarray(label(peaks), np.int32)


def _grown(nuclei: npt.NDArray[np.int32], stain: Floats, unit: float) -> npt.NDArray[np.int32]:
    """Let each nucleus take the stained pixels around it, brighter and nearer ones first.

    Two cells meet where both are dim: at the thin rims of cells there is little of either stain.
    """
    bright = _blurred(stain, 0.05 * unit)
    covered = _opened(bright > 0.6 * threshold_otsu(bright), 0.06 * unit)
    covered = _filled(covered | (nuclei > 0))
    away = _depth(nuclei == 0) / unit
    smooth = _blurred(stain, 0.08 * unit)
    height = 1 - smooth / max(smooth.max(), 1e-6) + 0.32 * away
    cells = np.asarray(watershed(height, nuclei, mask=covered & (away < REACH)), np.int32)
    return _trimmed(cells, nuclei, bright, away, unit)


def _trimmed(
    cells: npt.NDArray[np.int32], nuclei: npt.NDArray[np.int32], bright: Floats, away: Floats, unit: float
) -> npt.NDArray[np.int32]:
    """Take from each cell what is much dimmer than it is around its nucleus, and what hangs on it by a thread.

    Where a bright cell lies beside a dim one, no threshold of the whole field parts the dim one from what is none.
    """
    result = nuclei.copy()
    for cell in regionprops(cells):
        nucleus, stain = np.pad(nuclei[cell.slice] == cell.label, 1), np.pad(bright[cell.slice], 1)
        inside = np.pad(cell.image, 1)
        rim = inside & ~nucleus & (np.pad(away[cell.slice], 1) < RIM)
        least = DIM * np.median(stain[rim]) if rim.any() else 0
        parts = label(_opened(inside & (stain > least), 0.06 * unit) | nucleus, connectivity=1)
        kept = _filled(np.isin(parts, parts[nucleus])) & inside
        result[cell.slice][kept[1:-1, 1:-1]] = cell.label
    return result


def enlarged(labels: npt.NDArray[np.int32], shape: tuple[int, ...]) -> Labels:
    """Bring labels, (h, w), to a larger shape with smooth outlines: each pixel goes to the label that is nearest to it.

    As if every label, and what is between them, were enlarged as a picture of 0 and 1, linearly, and the brightest
    taken.
    """
    best = cv2.resize((labels == 0).astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    result = np.zeros(shape, np.uint16)
    down, across = labels.shape[0] / shape[0], labels.shape[1] / shape[1]
    for region in regionprops(labels):
        low = np.maximum(np.array(region.bbox[:2]) - 1, 0)
        mask = np.pad(region.image, 1)[low[0] - region.bbox[0] + 1 :, low[1] - region.bbox[1] + 1 :].astype(np.float32)
        start = np.floor(low / (down, across)).astype(int)
        end = np.minimum(np.ceil((low + mask.shape) / (down, across)).astype(int), shape)
        # From a pixel of the window to its place in the mask, centre to centre.
        shift = (start + 0.5) * (down, across) - 0.5 - low
        place = np.array([[across, 0, shift[1]], [0, down, shift[0]]])
        size = (int(end[1] - start[1]), int(end[0] - start[0]))
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        soft = cv2.warpAffine(mask, place, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        window = slice(start[0], end[0]), slice(start[1], end[1])
        won = soft > best[window]
        best[window][won], result[window][won] = soft[won], region.label
    return result


def _resized(plane: Pixels, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3)), np.float32)


def _bright(picture: Floats, part: float = 1.0) -> Mask:
    """Pixels above a part of Otsu's threshold, which is found on square roots: light has Poisson's noise."""
    root = np.sqrt(np.maximum(picture, 0))
    if root.max() - root.min() < 1e-3:
        return np.zeros(picture.shape, bool)
    return np.asarray(picture > part * threshold_otsu(root) ** 2)


def _opened(mask: Mask, radius: float) -> Mask:
    side = 2 * max(1, round(radius)) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disk) > 0)


def _filled(mask: Mask) -> Mask:
    """Fill holes: what is outside is joined, by sides, to what is around the picture."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    parts = np.asarray(cv2.connectedComponents(outside, connectivity=4)[1])
    return np.asarray((parts != parts[0, 0])[1:-1, 1:-1])


def _depth(mask: Mask) -> Floats:
    """Distance of each pixel of a mask to the nearest outside it, in pixels."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
