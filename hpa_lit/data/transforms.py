"""From the pixels of an image to the square that a network sees (method 6).

Plane by plane: each goes through all steps while it stays in the cache of a core, and the result has the shape of a
tensor.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Any, Protocol

import cv2
import numpy as np

from hpa_lit.data import dihedral
from hpa_lit.errors import InputError
from hpa_lit.files.rgby import Pixels, resize

# Albumentations' order of the dihedral group. A seed draws what its RandomSizedCrop and D4 draw, which do the same work
# in twice the time.
_DRAWN = (
    "default",
    "fliplr_transpose",
    "flipud_lr",
    "flipud_transpose",
    "flipud",
    "flipud_lr_transpose",
    "fliplr",
    "transpose",
)


class Step(Protocol):
    """A random change to an image, which takes its planes and gives them one by one."""

    def __call__(
        self, planes: Iterable[Pixels], seed: int, image_size: int, side: int, out: Iterable[Pixels | None]
    ) -> Iterable[Pixels]:
        """Change C planes (H, W).

        Args:
            planes: The planes, not to be written to.
            seed: What the draw depends on, and on nothing else.
            image_size: Side that the transform brings every image to first.
            side: Side of the transform's result.
            out: Where the results may be written, each contiguous (side, side), or None; C or more.
        """


# No dataclasses, which OmegaConf would take for configs.
class RandomSquareCrop:
    """A square crop, its side uniform between that of the result and that of the image, its place uniform."""

    def __call__(
        self, planes: Iterable[Pixels], seed: int, image_size: int, side: int, out: Iterable[Pixels | None]
    ) -> Iterable[Pixels]:
        """Crop and resize to `side`."""
        if side == image_size:
            return planes
        draw = random.Random(seed)
        length = draw.randint(side, image_size)
        top, left = (int((image_size - length + 1) * draw.random()) for _ in range(2))

        def crop(plane: Pixels) -> Pixels:
            return resize(resize(plane, image_size)[top : top + length, left : left + length], side)

        return map(crop, planes)


class Dihedral:
    """One of the eight dihedral views."""

    def __call__(
        self, planes: Iterable[Pixels], seed: int, image_size: int, side: int, out: Iterable[Pixels | None]
    ) -> Iterable[Pixels]:
        """Flip and transpose."""
        view = _DRAWN[np.random.default_rng(seed).integers(len(_DRAWN))]
        # A map lets go of a plane before it asks for the next, which then comes to lie in the same, cached memory.
        return map(partial(dihedral.apply_plane, view), planes, out)


@dataclass
class TrainTransform:
    """The steps of the augmentation, one after the other.

    Args:
        image_size: Side that every image is brought to first.
        crop_size: Side of the result; None takes that of the image.
        augment: The steps, or the steps by name: `RandomSquareCrop`, `Dihedral`, and transforms and compositions of
            Albumentations, which see the image as (H, W, C) uint8. Ours draw from the seed, theirs from the seed and
            their position, whatever stands beside them. An image that they leave in another size is resized to that
            of the result, so that without any step it is the whole image.

    Raises:
        InputError: A step is none of these; in a call, it fails, or does not leave C channels of uint8.
    """

    image_size: int
    crop_size: int | None
    augment: Sequence[object] | Mapping[str, object] = (RandomSquareCrop(), Dihedral())

    def __post_init__(self) -> None:
        self._steps = _steps(self.augment)

    @property
    def side(self) -> int:
        """Side of the result."""
        return self.crop_size or self.image_size

    def __call__(self, planes: Sequence[Pixels], seed: int, out: Pixels | None = None) -> Pixels:
        """Transform C planes (H, W) to (C, side, side), in `out` or new; the draw depends on `seed` alone."""
        out = np.empty((len(planes), self.side, self.side), np.uint8) if out is None else out
        places = list(out)
        changed: Iterable[Pixels] = map(resize, planes, repeat(self.image_size))
        for number, step in enumerate(self._steps, 1):
            last = number == len(self._steps)
            changed = step(changed, seed, self.image_size, self.side, chain(places if last else (), repeat(None)))
        for plane, place in zip(changed, places, strict=True):
            if plane is not place:
                place[:] = resize(plane, self.side)
        return out


@dataclass
class ValidTransform:
    """The whole image resized to the crop size, or to the image size where there is no crop."""

    image_size: int
    crop_size: int | None

    @property
    def side(self) -> int:
        """Side of the result."""
        return self.crop_size or self.image_size

    def __call__(self, planes: Sequence[Pixels], seed: int, out: Pixels | None = None) -> Pixels:
        """Transform C planes (H, W) to (C, side, side), in `out` or new; there is nothing random in it."""
        return np.stack([resize(resize(plane, self.image_size), self.side) for plane in planes], out=out)


@dataclass(frozen=True)
class _Row:
    """Transforms of Albumentations in a row, for which planes are joined to an image and parted again but once.

    Args:
        transforms: Each with its position among the steps, which it draws from beside the seed, and its name.
    """

    transforms: list[tuple[int, str, Any]]

    def __call__(
        self, planes: Iterable[Pixels], seed: int, image_size: int, side: int, out: Iterable[Pixels | None]
    ) -> Iterable[Pixels]:
        image = np.asarray(cv2.merge(list(planes)), np.uint8)
        for position, name, transform in self.transforms:
            sequence = np.random.SeedSequence(seed, spawn_key=(position,))
            # Not set_random_seed: from it every member of a composition draws the same numbers.
            transform.set_random_state(
                np.random.default_rng(sequence), random.Random(int(sequence.generate_state(1)[0]))
            )
            image = _changed(image, name, transform)
        for plane in cv2.split(image):
            yield np.asarray(plane, np.uint8)


def _changed(image: Pixels, name: str, transform: Any) -> Pixels:
    channels, kind = image.shape[2], type(transform).__name__
    try:
        changed = transform(image=image)["image"]
    except Exception as error:  # a transform raises whatever it likes
        raise InputError(f"augmentation {name}: {kind} fails on {channels} channels: {error}; take it out") from error
    if not isinstance(changed, np.ndarray) or changed.dtype != np.uint8 or changed.shape[2:] != (channels,):
        raise InputError(f"augmentation {name}: {kind} does not leave {channels} channels of uint8; take it out")
    return changed


def _steps(augment: Sequence[object] | Mapping[str, object]) -> list[Step]:
    named = augment if isinstance(augment, Mapping) else dict(enumerate(augment))
    steps: list[Step] = []
    for position, (name, step) in enumerate(named.items()):
        if isinstance(step, RandomSquareCrop | Dihedral):
            steps.append(step)
            continue
        from albumentations import BaseCompose, BasicTransform  # here because it takes seconds

        if not isinstance(step, BasicTransform | BaseCompose):
            raise InputError(
                f"augmentation {name} is {step!r}: "
                "give a RandomSquareCrop, a Dihedral, or a transform of Albumentations"
            )
        row = steps[-1] if steps else None
        if not isinstance(row, _Row):
            row = _Row([])
            steps.append(row)
        row.transforms.append((position, str(name), step))
    return steps
