"""What formats need, and what is said where it is not there."""

from importlib import metadata, util

import pytest

from hpa_lit.errors import InputError
from hpa_lit.portable import check_installed, installed


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda name: None if name == "onnxruntime" else util.find_spec(name))
    check_installed("bundle")
    with pytest.raises(InputError, match=r"needs onnxruntime, not installed here: pip install 'hpa-lit\[portable\]'"):
        check_installed("onnx")


@pytest.mark.parametrize(("pydantic", "spec"), [("2.13.5", "0.5.12"), ("2.14.3", "0.5.13")])
def test_versions_that_go_together(monkeypatch, pydantic, spec):
    versions(monkeypatch, pydantic, spec)
    check_installed("bioimageio")


def test_versions_that_do_not(monkeypatch):
    versions(monkeypatch, "2.14.3", "0.5.12")
    with pytest.raises(InputError, match=r"bioimageio\.spec 0\.5\.12 does not work .*pip install 'pydantic<2\.14'"):
        check_installed("bioimageio")


def versions(monkeypatch, pydantic, spec):
    known = {"pydantic": pydantic, "bioimageio.spec": spec}
    monkeypatch.setattr(installed, "find_spec", lambda name: name)
    monkeypatch.setattr(installed, "version", lambda name: known.get(name) or metadata.version(name))
