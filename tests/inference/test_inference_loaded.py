"""The Python API: a model in one call, and what it says of images."""

import subprocess
import sys

import pytest
import torch
from small_run import LABELS, save_run

import hpa_lit
from hpa_lit.errors import InputError


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
