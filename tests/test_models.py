"""Published models by name: fetched from a server on this machine, held to, and used by the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from loopback import serving
from small_run import save_pictures

from hpa_lit import embed, load_model, models, neighbours, predict
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.fetching import Patience
from hpa_lit.files.tree import OutputTree, cache
from hpa_lit.inference import find_model, published
from hpa_lit.inference.published import PublishedModel, published_model, published_models, weights_of
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.nets import build_classifier

sys.path.append(str(Path(__file__).parent / "nets"))
import reference_nets as reference

QUICK = Patience(attempts=2, timeout=0.5, wait=0.01)
ENTRY = {
    "file": "small.pth",
    "url": "https://nowhere.invalid/v1",
    "sha256": None,
    "publisher": "nobody",
    "licence": "none stated",
    "citation": "none",
    "arch": "resnet18",
    "image_size": 40,
    "crop_size": 32,
    "reading": "as its name says",
    "others": ["small_b"],
    "note": "drawn",
    "examples": {"i00": "Cytosol", "i01": "Nucleoli"},
}
CPU = ("trainer=cpu", "workers=0", "batch_size=3")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A checkpoint of the reference's."""
    path = tmp_path_factory.mktemp("made") / "made.pth"
    torch.save({"state_dict": reference.state_dict("resnet18")}, path)
    return path.read_bytes()


@pytest.fixture
def server(content, tmp_path, monkeypatch):
    """A mirror that has that file, a table that names it twice, and an empty cache."""
    table = {"small": ENTRY, "small_b": ENTRY | {"image_size": 64, "crop_size": 48, "others": ["small"]}}
    (tmp_path / "table.yaml").write_text(yaml.safe_dump(table))
    monkeypatch.setattr(published, "TABLE", tmp_path / "table.yaml")
    monkeypatch.setenv("HPA_LIT_CACHE", str(tmp_path / "cache"))
    published_models.cache_clear()
    with serving(content) as server:
        monkeypatch.setenv(published.MIRROR, f"{server.url}/mirror")
        yield server
    published_models.cache_clear()


@pytest.fixture
def start(monkeypatch, tmp_path, capsys):
    """Starts a command here; gives what it printed."""

    def start(verb, *words):
        monkeypatch.setattr(sys, "argv", [f"hpa-lit {verb.__name__}", *words, f"paths.outputs={tmp_path / 'out'}"])
        capsys.readouterr()
        verb.main()
        return capsys.readouterr().out

    return start


def test_the_packages_own_table_is_whole():
    for name, model in published_models().items():
        assert isinstance(build_classifier(model.arch).num_features, int)
        assert model.url.startswith("https://")
        assert model.crop_size < model.image_size
        assert set(model.examples.values()) <= set(LABEL_NAMES)
        for other in model.others:
            assert published_model(other).file == model.file
            assert name in published_model(other).others
    first = published_model("hpa_densenet121")
    assert (first.arch, first.image_size, first.crop_size) == ("densenet121", 768, 512)  # what the file's name says


def test_it_is_fetched_once_recorded_and_held_to(server, content, capsys):
    path = weights_of(published_model("small"), QUICK)
    assert path == cache().weights("small.pth")
    assert path.read_bytes() == content
    assert "no checksum was published" in capsys.readouterr().out
    assert weights_of(published_model("small_b"), QUICK) == path
    assert len(server.asked) == 1
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(InputError, match=r"is not the file that it was: its sha256 is .* Remove it, .* published anew"):
        weights_of(published_model("small"), QUICK)
    path.unlink()
    server.content = content + b" "
    with pytest.raises(InputError, match=r"gives a file whose sha256 is .*: nothing of it is kept"):
        weights_of(published_model("small"), QUICK)
    assert not path.exists()


def test_a_server_that_lies_about_sums_leaves_nothing(server, tmp_path):
    model = PublishedModel(**{**ENTRY, "sha256": "0" * 64})
    with pytest.raises(InputError, match=f"and not {'0' * 64}: nothing of it is kept; try again$"):
        weights_of(model, QUICK)
    assert list((tmp_path / "cache" / "weights").iterdir()) == []


def test_a_page_in_place_of_weights_is_not_recorded(server, content, tmp_path):
    server.content = b"<html>please log in</html>"
    with pytest.raises(InputError, match=r"gives no weights, perhaps the page of a gateway.* put it at .*small\.pth"):
        weights_of(published_model("small"), QUICK)
    assert list((tmp_path / "cache" / "weights").iterdir()) == []
    server.content = content
    weights_of(published_model("small"), QUICK)


def test_what_was_put_there_by_hand_serves_and_is_held_to(server, content):
    path = cache().weights("small.pth")
    path.parent.mkdir(parents=True)
    path.write_bytes(content[:1000])
    with pytest.raises(InputError, match="cannot be read as weights"):
        weights_of(published_model("small"), QUICK)
    path.write_bytes(content)
    weights_of(published_model("small"), QUICK)
    assert server.asked == []
    assert len(json.loads(cache().checksum("small.pth").read_text())["sha256"]) == 64


def test_an_offline_machine_is_told_the_address_and_the_place(server, monkeypatch):
    monkeypatch.setenv(published.MIRROR, "http://127.0.0.1:9/x")
    with pytest.raises(
        InputError, match=r"http://127.0.0.1:9/x/small\.pth cannot be fetched .* put it at .*small\.pth"
    ):
        weights_of(published_model("small"), QUICK)


def test_predict_and_embed_answer_as_by_the_file_itself(server, content, start, tmp_path):
    save_pictures(tmp_path / "mine", 4)
    (tmp_path / "small.pth").write_bytes(content)
    by_name, by_file = tmp_path / "name.parquet", tmp_path / "file.parquet"
    said = start(predict, "model=small", f"images={tmp_path / 'mine'}", f"out={by_name}", *CPU)
    assert "model=small: small.pth is taken for resnet18 at 40 pixels, crops of 32, as its name says" in said
    assert "model=small_b reads the same file otherwise" in said
    sizes = ("data=folder", "data.image_size=40", "data.crop_size=32", f"data.images={tmp_path / 'mine'}")
    start(predict, f"checkpoint={tmp_path / 'small.pth'}", "arch=resnet18", *sizes, f"out={by_file}", *CPU)
    one, other = (prediction_file.read(path) for path in (by_name, by_file))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert (one.run, one.labels) == ("small", other.labels)
    start(embed, "model=small", f"images={tmp_path / 'mine'}", *CPU)
    start(embed, "model=small_b", f"images={tmp_path / 'mine'}", *CPU)
    places = [
        OutputTree(tmp_path / "out").of_model(name).features("folder-mine", "small") for name in ("small", "small_b")
    ]
    first, second = (prediction_file.read(place).features for place in places)  # neither in the other's place
    assert first.shape == second.shape == (4, 1, 512)
    assert not np.array_equal(first, second)


def test_the_two_readings_are_compared_on_the_examples(server, start, tmp_path):
    save_pictures(tmp_path / "mine", 4)
    said = start(models, "model=small", f"compare={tmp_path / 'mine'}")
    assert [line.partition(" is taken")[0] for line in said.splitlines() if "taken for" in line] == [
        "model=small: small.pth",
        "model=small_b: small.pth",
    ]
    lines = [
        line for line in said.splitlines() if re.match(r"  i0\d: .*, [01]\.\d+, (as|where) its publishers say", line)
    ]
    assert [line[:5] for line in lines] == ["  i00", "  i01"] * 2
    right = [sum("as its" in line for line in pair) for pair in (lines[:2], lines[2:])]
    assert [f"  {count} of 2 as its publishers say" in said for count in right] == [True, True]
    with pytest.raises(SystemExit):
        start(models, "model=small", f"compare={tmp_path}")


def test_the_list_says_what_is_here(server, start):
    assert "fetched when used" in start(models)
    assert str(cache().weights("small.pth")) in start(models, "model=small", "fetch=true")
    said = start(models).splitlines()
    assert re.fullmatch(r"small +resnet18 +40, 32 +28 locations +none stated +yes", said[1])
    assert json.loads(start(models, "json=true"))["small_b"]["image_size"] == 64
    assert "citation: none" in start(models, "model=small")


def test_what_contradicts_a_name_is_refused(server):
    outputs = OutputTree(Path("out"))
    for more, said in (
        ({"run": "outputs/x"}, "model=small and outputs/x are two models"),
        ({"arch": {"arch": "resnet34"}}, "known to be a resnet18: leave arch out"),
    ):
        with pytest.raises(InputError, match=said):
            find_model(outputs, model="small", **more)
    with pytest.raises(InputError, match=r"model=smal: there is no published model of this name: did you mean small"):
        find_model(outputs, model="smal")
    model, home = find_model(outputs, model="small")
    assert home.folder == Path("out/models/small")
    assert model.pixel_size == pytest.approx(2048 * 0.08 / 40)


@pytest.mark.slow
def test_two_commands_at_once_fetch_it_once(server, tmp_path):
    server.manners = ["stall"]
    line = (
        "from hpa_lit.inference import published as p; p.TABLE = p.Path({!r}); p.weights_of(p.published_model('small'))"
    )
    words = [sys.executable, "-c", line.format(str(tmp_path / "table.yaml"))]
    started = [subprocess.Popen(words, env=dict(os.environ), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [process.communicate(timeout=100)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    assert len(server.asked) <= 2  # once, and once more for what the stalled answer lacked


@pytest.mark.slow
def test_neighbours_are_found_by_a_published_model(server, start, tmp_path):
    pictures = save_pictures(tmp_path / "atlas", 12)
    rgby.write(tmp_path / "mine" / "a.tif", pictures[5], "a")
    table = pd.DataFrame({"Id": [f"i{row:02}" for row in range(12)], "Target": ["0 23"] * 12})
    table.to_csv(tmp_path / "atlas.csv", index=False)
    gallery = ["model=small", f"gallery={tmp_path / 'atlas.parquet'}", f"gallery_table={tmp_path / 'atlas.csv'}"]
    start(embed, "model=small", f"images={tmp_path / 'atlas'}", f"out={tmp_path / 'atlas.parquet'}", *CPU)
    mine = [f"images={tmp_path / 'mine'}", f"gallery_images={tmp_path / 'atlas'}", f"output={tmp_path / 'found'}"]
    start(neighbours, *gallery, *mine, "k=1", *CPU)
    assert pd.read_csv(tmp_path / "found" / "neighbours.csv").neighbour.tolist() == ["i05"]


@pytest.mark.slow
def test_both_readings_answer_for_the_fields_of_the_publishers(start, shared, tmp_path, monkeypatch):
    """Drawn weights in place of the file that cannot be had here: what they answer means nothing, that they do does."""
    monkeypatch.setenv("HPA_LIT_CACHE", str(tmp_path / "cache"))
    path = published_model("hpa_densenet121").place
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": reference.state_dict("densenet121")}, path)
    said = start(models, "model=hpa_densenet121", f"compare={shared / 'data' / 'fields'}")
    assert "is taken for densenet121 at 768 pixels, crops of 512, as its file's name says" in said
    assert "is taken for densenet121_large at 1536 pixels, crops of 1024, as the publishers' own script" in said
    assert said.count("\n  800_A6_1: ") == said.count("\n  89_B5_1: ") == said.count(" of 2 as its publishers say") == 2


def test_a_name_loads_in_python(server, tmp_path):
    save_pictures(tmp_path / "mine", 2)
    model = load_model("small", device="cpu")
    assert (model.model.run, model.labels) == ("small", LABEL_NAMES)
    assert model.predict(tmp_path / "mine").probabilities.shape == (2, 28)
