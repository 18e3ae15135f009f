"""Four-channel pictures on disk: which files belong to an image, reading them, writing them.

An image is a field of cells in four planes, always in the order red (microtubules), green (the protein), blue
(nucleus), yellow (endoplasmic reticulum). On disk it is one 4-channel TIFF ``<Id>.tif``, or four single planes
``<Id>_<color>.<suffix>``: the last ``_`` token of a file name names the plane and the Id is everything before it.
"""

from hpa_lit.files.rgby.finding import (
    COLORS,
    PROTEIN,
    RGB_CHANNELS,
    STACK,
    SUFFIXES,
    TIFF_SUFFIXES,
    BitDepth,
    Channels,
    ImageFiles,
    Missing,
    Pixels,
    colors,
    group_files,
    list_images,
    missing_planes,
)
from hpa_lit.files.rgby.headers import Header, field_pixels, header, said_of, size
from hpa_lit.files.rgby.layout import PLAIN, LaidOut, Layout, PixelSize, Slices, layout_of, uncut
from hpa_lit.files.rgby.naming import CELLS
from hpa_lit.files.rgby.reading import bit_depth, framed, read, read_channels, read_plane, read_planes, resize, to_uint8
from hpa_lit.files.rgby.searching import Found, search
from hpa_lit.files.rgby.stamps import parts_of, stamp
from hpa_lit.files.rgby.writing import content_uuid, write

__all__ = [
    "CELLS",
    "COLORS",
    "PLAIN",
    "PROTEIN",
    "RGB_CHANNELS",
    "STACK",
    "SUFFIXES",
    "TIFF_SUFFIXES",
    "BitDepth",
    "Channels",
    "Found",
    "Header",
    "ImageFiles",
    "LaidOut",
    "Layout",
    "Missing",
    "PixelSize",
    "Pixels",
    "Slices",
    "bit_depth",
    "colors",
    "content_uuid",
    "field_pixels",
    "framed",
    "group_files",
    "header",
    "layout_of",
    "list_images",
    "missing_planes",
    "parts_of",
    "read",
    "read_channels",
    "read_plane",
    "read_planes",
    "resize",
    "said_of",
    "search",
    "size",
    "stamp",
    "to_uint8",
    "uncut",
    "write",
]
