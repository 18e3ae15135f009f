"""Pictures that nobody should send: real files with bytes flipped, cut, zeroed and doubled, and headers that lie.

As a program it reads them and prints what was wrong with that: ``strange_pictures.py FOLDER mutants FIRST COUNT`` or
``strange_pictures.py FOLDER bombs``. A process of its own shows how much memory the reading took, and may die.
"""

import gzip
import io
import json
import resource
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.rgby import tiff as readers
from hpa_lit.preflight.inspection import look

PICTURE = cv2.resize(np.random.default_rng(1).integers(0, 256, (5, 4, 4), dtype=np.uint8), (28, 20))
WIDE = (PICTURE.astype(np.uint16) << 8) | PICTURE
MOST_MEMORY = 150  # MB that reading may take, where no picture has more pixels than PICTURE
MOST_ADDRESSES = 2**33  # bytes; what reaches for more gets a MemoryError, and the machine lives on


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def picture(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def whole_files(folder: Path) -> dict[str, bytes]:
    """A small file of every kind that is read, by its name; a name with a color is one plane."""
    stack = np.ascontiguousarray(WIDE.transpose(2, 0, 1))
    ome = {"ome": True, "photometric": "minisblack", "metadata": {"axes": "CYX"}}
    files = {
        "imagej.tif": tiff(stack, imagej=True, metadata={"axes": "CYX"}),
        "plain.ome.tif": tiff(stack, **ome),
        "lzw.ome.tif": tiff(stack, **ome, compression="lzw", predictor=True, rowsperstrip=8),
        "rgba.tif": tiff(PICTURE, photometric="rgb"),
        "tiles_green.tif": tiff(PICTURE[:, :, 1], tile=(16, 16), compression="zlib"),
        "strips_green.tif": tiff(WIDE[:, :, 1], byteorder=">", rowsperstrip=4),
        "big_green.tif": tiff(WIDE[:, :, 1], bigtiff=True, compression="packbits"),
        "zipped_green.tif.gz": gzip.compress(tiff(WIDE[:, :, 1])),
        "narrow_green.png": picture(PICTURE[:, :, 1], "PNG"),
        "wide_green.png": picture(WIDE[:, :, 1], "PNG"),
        "colored_green.jpg": picture(PICTURE[:, :, :3], "JPEG"),
    }
    for compression in ("packbits", "deflate", "zstd", "none"):
        path = folder / f"{compression}.tif"
        rgby.write(path, PICTURE, "a", compression)
        files[path.name] = path.read_bytes()
    return files


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """A file with up to three kinds of damage."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        size = max(1, len(damaged))
        start = int(rng.integers(size))
        end = start + int(2 ** rng.uniform(0, 8))
        match int(rng.integers(6)):
            case 0:
                for place in rng.integers(size, size=int(rng.integers(1, 9))).tolist():
                    damaged[place : place + 1] = bytes(
                        b ^ 1 << int(rng.integers(8)) for b in damaged[place : place + 1]
                    )
            case 1:
                del damaged[start:]
            case 2:
                damaged[start:end] = bytes(len(damaged[start:end]))
            case 3:
                damaged[start:end] = b"\xff" * len(damaged[start:end])
            case 4:
                damaged[start:start] = damaged[start:end]
            case 5:
                del damaged[start:end]
    return bytes(damaged)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def huge_png(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def with_tags(content: bytes, **values: int) -> bytes:
    """A classic little-endian TIFF whose first header has other values for some tags of type LONG or SHORT."""
    changed = bytearray(content)
    (offset,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, offset)
    for place in range(offset + 2, offset + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", content, place)
        if (name := tifffile.TIFF.TAGS.get(tag, "")) in values:
            struct.pack_into("<HHII", changed, place, tag, 4, 1, values[name])
    return bytes(changed)


def with_description(text: str, count: int = 4) -> bytes:
    planes = np.ascontiguousarray(PICTURE.transpose(2, 0, 1))[:count]
    return tiff(planes, photometric="minisblack", metadata=None, description=text)


def with_ome(pixels: str = "", data: str = "", more: str = "") -> bytes:
    sizes = 'SizeX="28" SizeY="20" SizeC="4" SizeZ="1" SizeT="1"'
    for key in ("SizeT", "SizeX"):
        if key in pixels:
            sizes = " ".join(size for size in sizes.split() if not size.startswith(key))
    order = 'ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8"'
    return with_description(
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{more}<Image ID="Image:0">'
        f"<Pixels {order} {sizes} {pixels}><TiffData {data}/></Pixels></Image></OME>"
    )


def chained(headers: int, then: int) -> bytes:
    """So many headers of nothing, the last of which leads to number `then`."""
    places = [8 + 6 * number for number in range(headers)]
    following = [*places[1:], places[then] if then >= 0 else 0]
    return struct.pack("<2sHI", b"II", 42, 8) + b"".join(struct.pack("<HI", 0, place) for place in following)


def zeros(megabytes: int, wbits: int = 15) -> bytes:
    """So many zeros, compressed; 31 bits of window stand for gzip."""
    packer = zlib.compressobj(1, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(megabytes)) + packer.flush()


def with_strip(declared: bytes, strip: bytes) -> bytes:
    """A TIFF with another one strip than its header was made for."""
    return with_tags(declared + strip, StripOffsets=len(declared), StripByteCounts=len(strip))


def bombs(folder: Path) -> dict[str, bytes]:
    """Small files that take much memory or time to read, by their name, if one believes them."""
    plane = tiff(PICTURE[:, :, 1], compression="zlib", metadata=None)
    ours = whole_files(folder)["packbits.tif"]
    tiled = tiff(PICTURE[:, :, 1], tile=(16, 16), compression="zlib", metadata=None)
    return {
        "side_green.png": huge_png(100_000),
        "side9000_green.png": huge_png(9_000),
        "side_green.tif": with_tags(plane, ImageWidth=100_000, ImageLength=100_000, RowsPerStrip=100_000),
        "nothing_green.tif": with_tags(plane, ImageWidth=0),
        "ours.tif": with_tags(ours, ImageWidth=100_000, ImageLength=100_000),
        "tile_green.tif": with_tags(tiled, TileWidth=65_536, TileLength=65_536),
        "samples_green.tif": with_tags(plane, SamplesPerPixel=60_000),
        "strip_green.tif": with_strip(plane, zeros(400)),
        "times.ome.tif": with_ome('SizeT="1000000000"'),
        "width.ome.tif": with_ome('SizeX="100000000000"'),
        "count.ome.tif": with_ome(data='IFD="0" PlaneCount="1000000000"'),
        "lifetimes.ome.tif": with_ome(
            more='<StructuredAnnotations><XMLAnnotation ID="A" Namespace="x/modulo"><Value><Modulo>'
            '<ModuloAlongT Type="lifetime" Start="0" End="1000000000" Step="1"/></Modulo></Value></XMLAnnotation>'
            "</StructuredAnnotations>"
        ),
        "laughs.ome.tif": with_description(
            '<!DOCTYPE x [<!ENTITY a0 "ha">'
            + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
            + "]><OME>&a9;</OME>"
        ),
        "deep.ome.tif": with_description("<a>" * 100_000 + "</a>" * 100_000 + "</OME>"),
        "images.tif": with_description("ImageJ=1.11a\nimages=1000000000\nframes=1000000000\nhyperstack=true\n", 1),
        "shaped.tif": with_description('{"shape": [1000000000, 20, 28]}', 1),
        "nested.tif": with_description('{"shape": ' + "[" * 100_000 + "]" * 100_000 + "}", 1),
        "circle.tif": chained(150, 120),
        "pages.tif": chained(200_000, -1),
        "zipped_green.tif.gz": zeros(100, wbits=31),
        "text_green.tif": plane.replace(struct.pack("<HHIHH", 259, 3, 1, 8, 0), struct.pack("<HHIHH", 259, 2, 1, 8, 0)),
        "jpeg_green.tif": tiff(PICTURE[:, :, 1], compression="jpeg"),
        "program_green.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n%%EndComments\nshowpage\n",
        "text_green.png": huge_png(20).replace(
            chunk(b"IEND", b""), chunk(b"zTXt", b"a\0\0" + zeros(300)) + chunk(b"IEND", b"")
        ),
    }


def readings(path: Path, beside: Path) -> dict[str, Callable[[], object]]:
    """All ways in which a picture is read; whole planes of its other colors lie at `beside`."""
    plane = "_green" in path.name
    files = {color: beside.with_name(f"beside_{color}.png") for color in rgby.COLORS} | {"green": path}
    if not plane:
        files = {rgby.STACK: path}
    ways: dict[str, Callable[[], object]] = {
        "read": lambda: rgby.resize(rgby.read(files), 16),
        "size": lambda: rgby.header({rgby.PROTEIN: path} if plane else files, () if plane else rgby.COLORS),
        "look": lambda: look(files, "auto", "rgby"),
    }
    if ".tif" in path.name:
        ways |= {"uuid": lambda: rgby.content_uuid(path)}
    return ways


def memory() -> int:
    """The most that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def outcomes(path: Path) -> dict[str, str]:
    """What each way of reading a picture came to: nothing where it gave something, or what it said."""
    said = {}
    for way, read in readings(path, path).items():
        try:
            read()
            said[way] = ""
        except InputError as error:
            said[way] = str(error)
        except BaseException as error:  # noqa: BLE001, which is what is looked for
            said[way] = f"{type(error).__name__} came through: {error}"
    return said


def mutants(folder: Path, first: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Mutants by number, of each kind in turn."""
    whole = list(whole_files(folder).items())
    for number in range(first, first + count):
        name, content = whole[number % len(whole)]
        yield name, mutant(content, np.random.default_rng(number))


def main(folder: Path, what: str, *numbers: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    readers.MOST_PIXELS = 2**22  # of what is zipped, so that it need not be more
    for channel, color in enumerate(rgby.COLORS):
        (folder / f"beside_{color}.png").write_bytes(picture(PICTURE[:, :, channel], "PNG"))
    strange = bombs(folder).items() if what == "bombs" else mutants(folder, *map(int, numbers))
    before = memory()
    for number, (name, content) in enumerate(strange):
        path = folder / name
        path.write_bytes(content)
        print(json.dumps({"number": number, "name": name}), flush=True)  # what it was, should this process die of it
        said = outcomes(path)
        print(json.dumps({"said": said, "memory": memory() - before}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
