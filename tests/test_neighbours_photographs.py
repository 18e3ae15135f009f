"""Real photographs beside drawn cells: the command neighbours calls them novel, and few drawings."""

import subprocess
import sys

import pandas as pd
import pytest
from small_run import save_run

from hpa_lit import embed, neighbours
from hpa_lit.demo import served
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import AnswerTree, RunTree
from hpa_lit.synthetic import draw_atlas


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return DataTree(tmp_path / "drawn")


def run(monkeypatch, module, *words):
    monkeypatch.setattr(sys, "argv", [module.__name__, "trainer=cpu", "workers=0", *words])
    module.main()


def called_novel(folder):
    """The share of images called novel, and the share that the table says it is by mistake."""
    found = pd.read_csv(AnswerTree(folder).neighbours).query("rank == 1")
    return found.novel.mean(), found.false_alarms[0]


@pytest.mark.slow
def test_photographs_are_novel_beside_drawings_even_to_an_untrained_network(tree, shared, tmp_path, monkeypatch):
    draw_atlas(tree, fields=120, test_share=0.4, external_share=0.1, duplicates=0, size=128)
    save_run(tmp_path / "run", embedder=True, image_size=64)
    gallery, table = tree.raw_images("train"), tree.train_csv
    run(monkeypatch, embed, "run=run", f"images={gallery}", "out=gallery.parquet")
    places = [f"gallery_table={table}", f"gallery_images={gallery}"]
    for images in (tree.raw_images("test"), shared / "data/tiles"):
        run(monkeypatch, neighbours, f"images={images}", "run=run", "gallery=gallery.parquet", *places)
    drawn, said = called_novel(tmp_path / "outputs/neighbours/test")
    assert drawn <= 3 * said
    assert called_novel(tmp_path / "outputs/neighbours/tiles")[0] >= 0.8  # by 60 small pictures; by 200, all of them


@pytest.mark.slow
def test_photographs_are_novel_beside_a_drawn_atlas(tree, shared, tmp_path, monkeypatch):
    def command(verb, *words):
        subprocess.run([sys.executable, "-m", f"hpa_lit.{verb}", *words, f"paths.root={tree.root}"], check=True)

    draw_atlas(tree, fields=400, external_share=0.5)
    with served(tree.site) as url:
        site = f"prepare.download.base_url={url}/images"
        command("prepare", "data=i256", "prepare.compression=none", site)
    command("train", "experiment=demo_embedder")
    embedder = RunTree(tmp_path / "outputs/train/demo_embedder")
    command("embed", f"run={embedder.folder}", "dataset=external")
    for images in (tree.raw_images("test"), shared / "data/tiles", shared / "data/fields"):
        command("neighbours", f"run={embedder.folder}", f"images={images}")
    drawn, said = called_novel(tmp_path / "outputs/neighbours/test")
    assert said <= 0.05
    assert drawn <= 3 * said
    assert called_novel(tmp_path / "outputs/neighbours/tiles")[0] == 1
    assert called_novel(tmp_path / "outputs/neighbours/fields")[0] == 1
