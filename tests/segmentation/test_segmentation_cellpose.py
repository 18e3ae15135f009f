"""Cells by Cellpose, of whatever release is installed: its own dynamics, from a network whose answer is known."""

from contextlib import suppress

import numpy as np
import pytest
from small_cellpose import cones, network, save_weights

from hpa_lit.errors import InputError
from hpa_lit.files.reading import sha256
from hpa_lit.results.instances import overlaps, segmentation_precision
from hpa_lit.segmentation import Cellpose


def test_without_it_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("hpa_lit.segmentation.cellpose.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs Cellpose, .* not installed: pip install 'hpa-lit\[cellpose\]'$"):
        Cellpose()


@pytest.fixture
def weights(tmp_path, monkeypatch):
    pytest.importorskip("cellpose")
    return save_weights(tmp_path / "weights", monkeypatch)


@pytest.mark.parametrize("zoom", [1, 3])
def test_cells_are_found_at_any_magnification_and_numbered(weights, zoom):
    cellpose = Cellpose(str(weights), gpu=False)
    assert cellpose.digest == sha256(weights)
    field, truth = cones(zoom)
    red, _, blue, yellow = field
    found = cellpose.find_cells(red, blue, yellow)
    assert (found.cells.dtype, found.cells.shape) == (np.uint16, truth.shape)
    assert np.unique(found.cells).tolist() == [0, 1, 2, 3]
    assert segmentation_precision([overlaps(truth, found.cells)], 0.85) == 1
    assert found.diameter == pytest.approx(60 * zoom, rel=0.1)
    inside = found.nuclei > 0
    assert (found.nuclei[inside] == found.cells[inside]).all()
    assert (inside == (blue > 0)).mean() > 0.98


def test_a_field_in_which_it_finds_no_cell_is_said(weights):
    cellpose = Cellpose(str(weights), gpu=False)
    red, _, blue, yellow = cones()[0]
    with pytest.raises(InputError, match="Cellpose finds no cell in it"):
        cellpose.find_cells(red * 0, blue, yellow * 0)
    with pytest.raises(InputError, match="there is no nucleus in its blue plane"):
        cellpose.find_cells(red, blue * 0, yellow)


def test_weights_that_it_does_not_know_are_not_taken_for_its_default(weights, monkeypatch):
    from cellpose import models

    monkeypatch.setattr(models, "MODEL_NAMES", ["one_model", "another"])
    with pytest.raises(InputError, match=r"=one_modl: there is no such file.* did you mean one_model\? Cellpose"):
        Cellpose("one_modl")


def test_files_that_hold_no_weights_of_it_are_named(tmp_path, weights):
    (tmp_path / "rubbish").write_bytes(b"no weights" * 100)
    (tmp_path / "short").write_bytes(weights.read_bytes()[:5000])
    for name in ("rubbish", "short"):
        with pytest.raises(InputError, match=rf"Cellpose \S+ cannot load the weights .*{name}: \w+: "):
            Cellpose(str(tmp_path / name))


def test_its_own_network_is_run(tmp_path, monkeypatch):
    """By random weights: whether there are cells is chance."""
    pytest.importorskip("cellpose")
    _, net = network(monkeypatch)
    net.save_model(tmp_path / "weights")
    cellpose = Cellpose(str(tmp_path / "weights"), gpu=False)
    red, _, blue, yellow = cones()[0]
    with suppress(InputError):
        assert cellpose.find_cells(red, blue, yellow).cells.any()
