"""OME-Zarr and files of microscopes, written by other libraries and read back bit by bit."""

import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from test_files_rgby import PICTURE

from hpa_lit.errors import InputError
from hpa_lit.files import rgby

ORDER = [2, 1, 0, 3]
STAINS = ["DAPI", "GFP", "Tubulin", "ER"]  # of the planes in this order
SLICES = np.random.default_rng(4).integers(0, 60000, (4, 3, 90, 70)).astype(np.uint16)  # CZYX
SLICES[:, 1] = np.random.default_rng(5).integers(0, 60000, (4, 90, 70))
AXES = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "micrometer"} for a in "zyx")]


def write_zarr(path: Path, pixels: np.ndarray, version: str = "0.4", names=STAINS, **array) -> Path:
    """An OME-Zarr of axes CZYX, by zarr alone, pixels of 0.2 micrometres."""
    zarr = pytest.importorskip("zarr", minversion="3")
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    options = {"chunks": (1, 1, 64, 64), **array}
    group.create_array("0", data=pixels, **options)
    scale = {"type": "scale", "scale": [1, 1, 0.2, 0.2]}
    said = {"multiscales": [{"axes": AXES, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}]}
    said["omero"] = {"channels": [{"label": name} for name in names]}
    group.attrs.update(said if version == "0.4" else {"ome": {"version": version, **said}})
    return path


def planes_of(slices: np.ndarray, *, z: str | int = "max") -> np.ndarray:
    """What is to be read of slices CZYX: (4, H, W) in the order of the colors."""
    return (slices.max(axis=1) if z == "max" else slices[:, z])[ORDER]


def read_all(folder: Path, **layout) -> dict[str, np.ndarray]:
    found = rgby.search(folder, layout=rgby.Layout(**layout)).images
    return {image_id: np.stack(list(rgby.read_planes(files).values())) for image_id, files in found.items()}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarrs(tmp_path: Path, version: str) -> None:
    one = np.ascontiguousarray(PICTURE.transpose(2, 0, 1)[ORDER])[:, None]
    write_zarr(tmp_path / "a.ome.zarr", one, version)
    write_zarr(tmp_path / "b.zarr", SLICES, version)
    write_zarr(tmp_path / "sharded.zarr", one, version, **({"shards": (1, 1, 128, 128)} if version == "0.5" else {}))
    for z in ("max", 1):
        read = read_all(tmp_path, z=z)
        assert list(read) == ["a", "b", "sharded"]
        for name in ("a", "sharded"):
            np.testing.assert_array_equal(read[name], PICTURE.transpose(2, 0, 1))
        np.testing.assert_array_equal(read["b"], planes_of(SLICES, z=z))
    files = rgby.search(tmp_path).images["a"]
    header = rgby.header(files, rgby.COLORS)
    assert (header.size, header.pixel_size) == ((90, 70), pytest.approx(0.2))
    assert header.taken == "Tubulin as red, GFP as green, DAPI as blue, ER as yellow"
    before = rgby.stamp(files)
    chunk = next(part for part in rgby.parts_of(files[rgby.STACK]) if "json" not in part.name and part.name[0] != ".")
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert rgby.stamp(files) != before
    with pytest.raises(InputError, match=r"b\.zarr is a Z stack of 3 slices: z=max"):
        rgby.read(rgby.search(tmp_path).images["b"])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_ome_zarr_writes(tmp_path: Path, version: str) -> None:
    writer, formats = pytest.importorskip("ome_zarr.writer"), pytest.importorskip("ome_zarr.format")
    import zarr

    kind = formats.FormatV04() if version == "0.4" else formats.FormatV05()
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=2 if version == "0.4" else 3)
    writer.write_image(SLICES, group, axes="czyx", fmt=kind)
    read = read_all(tmp_path, z=2, planes=(("red", 2), ("green", 1), ("blue", 0), ("yellow", 3)))
    np.testing.assert_array_equal(read["a"], planes_of(SLICES, z=2))


def test_zarrs_that_are_not_read(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", SLICES[:, :1])
    with pytest.raises(InputError, match=r"a\.zarr is itself an image: give the folder that it lies in"):
        rgby.search(path)
    attributes = json.loads((path / ".zattrs").read_text())

    def refused(content, message: str, name: str = ".zattrs") -> None:
        before = (path / name).read_text()
        (path / name).write_text(json.dumps(content))
        for look in (rgby.read, rgby.header):
            with pytest.raises(InputError, match=message):
                look({rgby.STACK: path})
        (path / name).write_text(before)

    refused({"plate": {"wells": []}}, r"a\.zarr is a plate: give a folder of its images, each <Id>\.zarr")
    refused({}, r"a\.zarr is no image of OME-Zarr")
    refused({"multiscales": [{"axes": AXES}]}, r"a\.zarr cannot be read: KeyError: 'datasets'")
    outside = json.loads(json.dumps(attributes))
    outside["multiscales"][0]["datasets"][0]["path"] = "../b.zarr/0"
    refused(outside, r"a\.zarr: its image leads out of it, to '\.\./b\.zarr/0'")
    array = json.loads((path / "0" / ".zarray").read_text())
    refused({**array, "filters": [{"id": "pickle"}]}, r"is encoded by pickle: save it by one of blosc", "0/.zarray")
    refused({**array, "chunks": [4, 1, 90000, 90000]}, r"a\.zarr is stored in blocks of \(4, 1, 90000", "0/.zarray")
    refused({**array, "shape": [4, 1, 90000, 90000]}, r"a\.zarr says that it has 90000 x 90000 pixels", "0/.zarray")
    refused({**array, "dtype": "<f4"}, r"a\.zarr: pixels are float32", "0/.zarray")
    assert rgby.read({rgby.STACK: path}).shape == (90, 70, 4)
    (tmp_path / "b.zarr").write_text("a file")
    with pytest.raises(InputError, match=r"b\.zarr is no folder"):
        rgby.read({rgby.STACK: tmp_path / "b.zarr"})


def test_files_of_zeiss(tmp_path: Path) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi")
    pytest.importorskip("bioio_czi")
    with czi.create_czi(str(tmp_path / "a.czi")) as document:
        for channel in range(4):
            for slice_ in range(3):
                place = {"C": channel, "Z": slice_, "T": 0}
                document.write(data=SLICES[channel, slice_][..., None], plane=place)
        names = dict(enumerate(STAINS))
        document.write_metadata("a", channel_names=names, scale_x=0.2e-6, scale_y=0.2e-6)
    for z in ("max", 1):
        np.testing.assert_array_equal(read_all(tmp_path, z=z)["a"], planes_of(SLICES, z=z))
    (files,) = rgby.search(tmp_path, layout=rgby.Layout(z=0)).images.values()
    header = rgby.header(files)
    assert header.taken == "Tubulin as red, GFP as green, DAPI as blue, ER as yellow; slice 0 of 3"
    assert header.pixel_size == pytest.approx(0.2)


def lif_text(text: str) -> bytes:
    return b"\x2a" + struct.pack("<I", len(text)) + text.encode("utf-16-le")


def lif_block(body: bytes) -> bytes:
    return struct.pack("<II", 0x70, len(body)) + body


def write_lif(path: Path, images: dict[str, np.ndarray]) -> None:
    """A file as LAS X writes it, of images (C, Z, H, W) uint16: XML, then the pixels of each image, slice by slice."""
    elements, blocks = "", b""
    for number, (name, pixels) in enumerate(images.items()):
        channels, depth, height, width = pixels.shape
        plane = 2 * height * width
        described = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" '
            f'Max="1" Unit="" LUTName="{lut}" IsLUTInverted="0" BytesInc="{channel * plane}" BitInc="0"/>'
            for channel, lut in zip(range(channels), ("Blue", "Green", "Red", "Gray"), strict=True)
        )
        # An axis: how many, the bytes from one to the next, and the micrometres from the first to the last.
        axes = [(1, width, 2, 0.2 * (width - 1)), (2, height, 2 * width, 0.2 * (height - 1))]
        axes += [(3, depth, channels * plane, depth - 1)] if depth > 1 else []
        described += "</Channels><Dimensions>" + "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" Length="{length * 1e-6}" '
            f'Unit="m" BitInc="0" BytesInc="{step}"/>'
            for axis, count, step, length in axes
        )
        elements += (
            f'<Element Name="{name}" UniqueID="{number}"><Data><Image><ImageDescription><Channels>{described}'
            f'</Dimensions></ImageDescription></Image></Data><Memory Size="{pixels.nbytes}" '
            f'MemoryBlockID="MemBlock_{number}"/><Children/></Element>'
        )
        size = b"\x2a" + struct.pack("<Q", pixels.nbytes)
        blocks += lif_block(size + lif_text(f"MemBlock_{number}")) + pixels.transpose(1, 0, 2, 3).tobytes()
    header = (
        '<LMSDataContainerHeader Version="2"><Element Name="a"><Data><Experiment/></Data>'
        f'<Memory Size="0" MemoryBlockID="MemBlock_x"/><Children>{elements}</Children></Element>'
        "</LMSDataContainerHeader>"
    )
    path.write_bytes(lif_block(lif_text(header)) + blocks)


def test_files_of_leica_hold_several_images(tmp_path: Path) -> None:
    pytest.importorskip("bioio_lif")
    write_lif(tmp_path / "a.lif", {"Series001": SLICES, "Field 2": SLICES[:, 1:2]})
    images = rgby.search(tmp_path, layout=rgby.Layout(z="max")).images
    assert list(images) == ["a_Field 2", "a_Series001"]
    for look in (rgby.read, rgby.header):  # colors of display say nothing about what is shown
        with pytest.raises(InputError, match=r"has the channels shown in Blue, .*, which do not say which is which"):
            look(images["a_Field 2"])
    planes = tuple(zip(rgby.COLORS, ORDER, strict=True))
    for z in ("max", 1):
        read = read_all(tmp_path, z=z, planes=planes)
        np.testing.assert_array_equal(read["a_Series001"], planes_of(SLICES, z=z))
        np.testing.assert_array_equal(read["a_Field 2"], planes_of(SLICES[:, 1:2]))
    files = rgby.search(tmp_path, layout=rgby.Layout(planes, "max")).images["a_Series001"]
    header = rgby.header(files, rgby.COLORS)
    assert (header.size, header.pixel_size) == ((90, 70), pytest.approx(0.2))


@pytest.mark.parametrize("name", ["a.nd2", "a.CZI", "a.lif"])
def test_files_that_cannot_be_read_are_images_that_say_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no picture at all")
    images = rgby.search(tmp_path).images
    assert list(images) == ["a"]
    for look in (rgby.read, rgby.header):
        with pytest.raises(InputError, match=re.escape(name)) as error:
            look(images["a"])
        assert "pip install 'hpa-lit[formats]' reads it, or save its images as OME-TIFF" in str(error.value) or (
            "cannot be read" in str(error.value)
        )
