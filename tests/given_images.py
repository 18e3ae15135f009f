"""A data module of given images, for tests of what lies behind one."""

from hpa_lit.data import ImageDataModule
from hpa_lit.data.module import Sides


class GivenImages(ImageDataModule):
    """Trains on the first `Examples` and validates on the second, or on the same."""

    def __init__(self, train, valid=None, *, image_size=24, crop_size=16, batch_size=3, **shared):
        super().__init__(image_size, crop_size, batch_size, **{"workers": 0, **shared})
        self.given = Sides(train, valid or train)

    def read(self):
        return self.given
