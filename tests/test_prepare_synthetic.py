"""From drawing to verified folds: every stage, by its command, on the synthetic atlas behind a real web server."""

import functools
import http.server
import subprocess
import sys
import threading
from collections import Counter

import pandas as pd
import pytest

from hpa_lit.files.data_tree import DataTree

pytestmark = pytest.mark.slow


def run(command, *arguments):
    done = subprocess.run([sys.executable, "-m", f"hpa_lit.{command}", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    tree = DataTree(tmp_path_factory.mktemp("atlas"))
    run("draw", f"paths.root={tree.root}", "draw.fields=150", "draw.workers=2")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tree.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/images"
    told = run("prepare", "stage=all", "data=i512", f"paths.root={tree.root}", f"prepare.download.base_url={address}")
    server.shutdown()
    return tree, told


def test_every_planted_duplicate_is_found_and_nothing_else(atlas):
    tree, _ = atlas
    planted = pd.read_csv(tree.planted)
    pairs = {
        kind: {frozenset(pair) for pair in zip(rows["query"], rows["gallery"], strict=True)}
        for kind, rows in planted.groupby("kind")
    }
    assert Counter(planted["kind"]).keys() == {
        "train-external equal",
        "train-external different",
        "test-test",
        "test-external",
    }
    matches = pd.read_parquet(tree.matches)
    found = {frozenset(pair) for pair in zip(matches["Train"], matches["Extra"], strict=True)}
    assert found == pairs["train-external equal"] | pairs["train-external different"]
    matches = pd.read_parquet(tree.test_matches)
    assert {frozenset(pair) for pair in zip(matches["Test1"], matches["Test2"], strict=True)} == pairs["test-test"]
    leak = pd.read_parquet(tree.leak)
    assert set(leak["Id"]) == set(planted.loc[planted["kind"] == "test-external", "query"])


def test_the_clean_folds_hold_no_pair_of_different_labels(atlas):
    tree, _ = atlas
    planted = pd.read_csv(tree.planted)
    wrong = set(planted.loc[planted["kind"] == "train-external different", "gallery"])
    for fold in range(5):
        sides = [pd.read_parquet(tree.fold("random_ext_noleak_clean", fold, side)) for side in ("train", "valid")]
        assert not wrong & set(pd.concat(sides)["Id"])
        train, valid = (set(side["Id"]) for side in sides)
        for query, gallery in planted[["query", "gallery"]].itertuples(index=False):
            assert not (query in train and gallery in valid)


def test_the_leak_list_tells_the_hidden_truth(atlas):
    tree, _ = atlas
    truth = pd.read_csv(tree.test_truth).set_index("Id")["Target"]
    leak = pd.read_parquet(tree.leak).set_index("Id")["Target"]
    assert {i: set(target.split()) for i, target in leak.items()} == {i: set(truth[i].split()) for i in leak.index}


def test_verify_counts_the_stages(atlas):
    _, told = atlas
    assert "verify: train_external_matches" in told
    assert "verify: statistics_512" in told
