"""The Python API: a model in one call, and what it says of images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from small_run import DECISION, LABELS, damage, save_pictures, save_run

import hpa_lit
from hpa_lit import predict
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file, rgby
from hpa_lit.inference.activation import activations
from hpa_lit.inference.answering import answered


def test_a_run_and_its_checkpoint_are_the_same_model(tmp_path):
    run, net = save_run(tmp_path)
    of_run, of_file = hpa_lit.load_model(str(tmp_path)), hpa_lit.load_model(run.checkpoint("best"))
    assert (of_run.labels, of_run.decision) == (tuple(LABELS), None)
    assert of_run.model == of_file.model
    images = torch.randint(256, (2, 4, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(of_run.net(images), net(images))


def test_a_checkpoint_of_the_reference_needs_its_network_and_sizes(tmp_path):
    torch.save({"state_dict": {"logit.weight": torch.zeros(28, 512)}}, tmp_path / "f.pth")
    with pytest.raises(InputError, match="arch=densenet121_large data=i1536"):
        hpa_lit.load_model(tmp_path / "f.pth")


def test_importing_it_loads_nothing_heavy():
    heavy = "import sys, hpa_lit; print({'torch', 'numpy', 'pandas', 'pydantic'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", heavy], text=True) == "set()\n"
    with pytest.raises(AttributeError, match="has no attribute 'load_modle'"):
        hpa_lit.load_modle  # noqa: B018


NARROW = {"arch": "timm/resnet18", "options": {"channels": [8, 8, 8, 8]}}  # a network that is quick


@pytest.fixture
def model(tmp_path):
    save_run(tmp_path / "run", decision=DECISION, **NARROW)
    return hpa_lit.load_model(tmp_path / "run", device="cpu")


@pytest.fixture
def pictures(tmp_path):
    """Five of them, (5, 4, 40, 40), and as files in a folder `mine`."""
    return save_pictures(tmp_path / "mine", 5).transpose(0, 3, 1, 2)


def test_it_says_of_a_folder_what_the_command_says(model, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["run=run", "images=mine", "views=crops", "trainer=cpu", "workers=0", "batch_size=2"]
    monkeypatch.setattr(sys, "argv", ["hpa-lit predict", *words, "out=result.parquet", "features=true"])
    predict.main()
    found, theirs = model.predict("mine", views="crops", batch_size=2), prediction_file.read(Path("result.parquet"))
    np.testing.assert_array_equal(found.predictions.probabilities, theirs.probabilities)
    np.testing.assert_array_equal(found.predictions.features, theirs.features)
    in_table = answered(theirs, DECISION)  # what the command writes into a table for people
    np.testing.assert_array_equal(found.probabilities, in_table.probabilities)
    assert found.answers == in_table.in_words()
    frame = found.to_frame()
    assert frame.columns.tolist() == ["locations", "status", *LABELS]
    assert frame.index.tolist() == list(theirs.ids) == found.ids
    assert frame["locations"].tolist() == [", ".join(given) for given in found.answers]
    np.testing.assert_array_equal(frame[LABELS], found.probabilities)
    np.testing.assert_array_equal(model.embed("mine", batch_size=2), found.features)


def test_arrays_and_files_are_the_same_images(model, pictures, tmp_path):
    of_array = model.predict(pictures)
    assert of_array.probabilities.shape == (5, 3)
    assert of_array.probabilities.dtype == of_array.features.dtype == np.float32
    assert (of_array.features.shape, of_array.ids, of_array.labels) == ((5, 8), list("01234"), tuple(LABELS))
    files = [tmp_path / "mine" / f"i0{n}.tif" for n in (3, 0, 4)]
    of_files = model.predict(files)
    assert of_files.ids == ["i03", "i00", "i04"]
    np.testing.assert_allclose(of_files.probabilities, of_array.probabilities[[3, 0, 4]], atol=1e-6)
    np.testing.assert_allclose(model.embed(files), of_array.features[[3, 0, 4]], atol=1e-5)
    alone = model.predict(pictures[2])
    np.testing.assert_allclose(alone.probabilities, of_array.probabilities[[2]], atol=1e-6)
    np.testing.assert_allclose(model.predict(str(files[0])).probabilities, of_files.probabilities[:1], atol=1e-6)
    sixteen = model.predict(pictures.astype(np.uint16) * 257)
    np.testing.assert_allclose(sixteen.probabilities, of_array.probabilities, atol=1e-6)


def test_planes_in_files_of_their_own_are_one_image(model, pictures, tmp_path):
    planes = [tmp_path / f"a_{color}.png" for color in ("yellow", "red", "green", "blue")]
    for path, plane in zip(planes, pictures[1][[3, 0, 1, 2]], strict=True):
        Image.fromarray(plane).save(path)
    found = model.predict(planes)
    assert found.ids == ["a"]
    np.testing.assert_allclose(found.probabilities, model.predict(pictures[1]).probabilities, atol=1e-6)


def test_answers_are_those_of_the_decision_or_of_a_threshold_and_else_none(model, pictures, tmp_path):
    found = model.predict(pictures, views="dihedral")
    np.testing.assert_allclose(found.probabilities, DECISION.calibrated(found.predictions.probabilities), rtol=1e-6)
    given = DECISION.answers(found.predictions.probabilities)
    assert [set(words) for words in found.answers] == [set(np.array(LABELS)[row]) for row in given]
    assert all(len(words) == 3 for words in model.predict(pictures, threshold=0).answers)
    save_run(tmp_path / "plain", **NARROW)
    plain = hpa_lit.load_model(tmp_path / "plain", device="cpu")
    unknown = plain.predict(pictures)
    assert unknown.answers is None
    assert "locations" not in unknown.to_frame()
    np.testing.assert_array_equal(unknown.probabilities, unknown.predictions.probabilities[:, 0])
    assert plain.predict(pictures, threshold=0.5).answers is not None


def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_there(model, pictures, tmp_path):
    damage(tmp_path / "mine" / "i01.tif")
    with pytest.warns(UserWarning, match=r"(?s)1 of 5 images could not be read, their rows are NaN:\n  i01"):
        found = model.predict(tmp_path / "mine")
    assert list(found.failures) == ["i01"]
    assert np.isnan(found.probabilities).all(axis=1).tolist() == [False, True, False, False, False]
    assert found.answers[1] == []


def test_an_explanation_is_the_map_of_one_image_and_label(model, pictures, tmp_path):
    files = rgby.list_images(tmp_path / "mine")["i02"]
    (expected,) = activations(model.model, [files], [1])
    for image, label in ((pictures[2], "dark"), (tmp_path / "mine" / "i02.tif", 1)):
        found = model.explain(image, label)
        assert (found.image.shape, found.map.shape) == ((32, 32, 4), (32, 32))
        np.testing.assert_array_equal(found.image, expected.image)
        np.testing.assert_allclose(found.map, expected.map, atol=1e-5)


def test_images_of_another_size_are_brought_to_it_and_that_is_said(model, pictures):
    found = model.predict(np.repeat(np.repeat(pictures, 2, axis=2), 2, axis=3))
    assert found.notes[0] == "5 of 5 images are brought from 80 x 80 to 40 x 40: cells get 2 times smaller"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 40, 40, 4), np.uint8), r"shape \(2, 40, 40, 4\); expected \(images, 4, .*np\.moveaxis"),
        (np.zeros((2, 3, 40, 40), np.uint8), r"shape \(2, 3, 40, 40\).* planes red, green, blue, yellow$"),
        (np.zeros((0, 4, 40, 40), np.uint8), r"shape \(0, 4, 40, 40\)"),
        (np.zeros((40, 40), np.uint8), r"shape \(40, 40\)"),
        (np.zeros((4, 40, 40)), "images are float64: give uint8, or uint16"),
        ("none.tif", r"1 of 1 images are not there:\n  none\.tif"),
        (["{mine}/i00.tif", "{mine}/labels.csv"], r"1 files are no image of their own.*labels\.csv"),
        (["{mine}/i00.tif", "{mine}/i00.tif"], "1 files are given twice"),
        ([], r"shape \(0,\)"),
    ],
)
def test_what_is_no_image_is_refused(model, pictures, tmp_path, images, message):
    (tmp_path / "mine" / "labels.csv").write_text("Id\n")
    if isinstance(images, list):
        images = [name.format(mine=tmp_path / "mine") for name in images]
    with pytest.raises(InputError, match=f"(?s){message}"):
        model.predict(images)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda model, images: model.predict(images, views="all"), "views=all: choose crops, dihedral, full, none"),
        (lambda model, images: model.predict(images, threshold=2), "threshold=2: give a number from 0 to 1"),
        (lambda model, images: model.predict(images, batch_size=0), "batch_size=0: give a whole number from 1 on"),
        (lambda model, images: model.predict(images, z="max"), "z is about files, and the images are an array"),
        (lambda model, images: model.explain(images[0], "drak"), "no label 'drak': did you mean dark"),
        (lambda model, images: model.explain(images[0], 3), "no label 3; the model has bright, dark, odd"),
        (lambda model, images: model.explain(images, 0), "these are 5 images: explain one at a time"),
        (lambda model, images: hpa_lit.load_model(model.model.checkpoint, device="tpu9"), "device=tpu9 cannot be used"),
        (lambda model, images: hpa_lit.load_model("nowhere"), "there is no file nowhere"),
    ],
)
def test_mistakes_are_said(model, pictures, mistake, message):
    with pytest.raises(InputError, match=message):
        mistake(model, pictures)


def test_a_word_that_is_none_of_the_settings_is_an_error(model, pictures, tmp_path):
    for images in (pictures, tmp_path / "mine", [tmp_path / "mine" / "i00.tif"]):
        with pytest.raises(TypeError, match="bit is no way to read images; there are bits, missing"):
            model.predict(images, bit=12)


def test_files_are_read_as_is_said_and_by_processes_alike(model, pictures, tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", pictures[0].astype(np.uint16) << 4, photometric="minisblack")
    as_is, deep = (model.predict(tmp_path / "deep.tif", bits=bits).probabilities for bits in (12, 16))
    np.testing.assert_allclose(as_is, model.predict(pictures[0].astype(np.uint16) << 4).probabilities, atol=1e-6)
    assert not np.allclose(as_is, deep)
    slices = np.stack([np.zeros_like(pictures[0]), pictures[0]])  # (Z, C, H, W)
    tifffile.imwrite(tmp_path / "stack.ome.tif", slices, metadata={"axes": "ZCYX"}, photometric="minisblack")
    flat = model.predict([tmp_path / "stack.ome.tif"], z="max")
    np.testing.assert_allclose(flat.probabilities, model.predict(pictures[0]).probabilities, atol=1e-6)
    by_processes = model.predict(tmp_path / "mine", workers=2, batch_size=2)
    np.testing.assert_array_equal(
        by_processes.probabilities, model.predict(tmp_path / "mine", batch_size=2).probabilities
    )


def test_an_embedder_embeds_and_answers_nothing(pictures, tmp_path):
    save_run(tmp_path / "face", embedder=True)
    embedder = hpa_lit.load_model(tmp_path / "face", device="cpu")
    assert embedder.embed(pictures).shape == (5, 512)
    for ask in (embedder.predict, lambda images: embedder.explain(images[0], 0)):
        with pytest.raises(InputError, match="embedder"):
            ask(pictures)
