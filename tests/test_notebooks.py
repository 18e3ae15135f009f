"""The notebooks of docs/ run from the first cell to the last."""

import ast
import json
import pkgutil
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_came_out_is_not_kept_and_what_goes_in_is_there(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    nodes = [node for cell in cells for node in ast.walk(ast.parse("".join(cell["source"])))]
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module.startswith("hpa_lit")]
    assert ours
    assert all(pkgutil.resolve_name(f"{node.module}:{name.name}") for node in ours for name in node.names)


@pytest.mark.slow
def test_the_first_model_answers_in_words_and_scanpy_maps_its_features(tmp_path, monkeypatch):
    """Also that the table that it shows, and the file that it writes, hold every picture."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("scanpy")
    anndata = pytest.importorskip("anndata")
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": tmp_path}}).execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "images (dataset=valid), with a macro F1 to expect of 0." in said
    found = anndata.read_h5ad(tmp_path / "first_model" / "features.h5ad")
    pictures = {path.name.rpartition("_")[0] for path in (tmp_path / "first_model/atlas/raw/test").iterdir()}
    assert set(found.obs_names) == pictures
    assert found.obsm["X_umap"].shape == (len(pictures), 2)
    assert found.obs["location"].cat.categories.isin(found.uns["labels"]).all()
    assert len(found.uns["location_colors"]) == len(found.obs["location"].cat.categories)
