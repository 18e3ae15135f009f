"""Whether what a format needs is installed."""

from importlib.metadata import version
from importlib.util import find_spec

from packaging.version import Version

from hpa_lit.errors import InputError

# bioimageio.spec hands serialisers what pydantic refuses since 2.14 (pydantic pull request 13506); packages cannot even
# be read. Seen with the newest release of November 2026.
PYDANTIC, NOT_FOR_PYDANTIC = Version("2.14"), Version("0.5.12")
NEEDED = {"onnx": ("onnx", "onnxruntime"), "bioimageio": ("onnx", "onnxruntime", "bioimageio.core"), "bundle": ()}


def check_installed(form: str) -> None:
    """Raise `InputError` where what writes a format is not installed, or does not go with what is."""
    lacking = [name for name in NEEDED[form] if not _is_there(name)]
    if lacking:
        needed = " and ".join(lacking)
        raise InputError(f"format={form} needs {needed}, not installed here: pip install 'hpa-lit[portable]'")
    if form == "bioimageio" and Version(version("pydantic")) >= PYDANTIC:
        spec = version("bioimageio.spec")
        if Version(spec) <= NOT_FOR_PYDANTIC:
            raise InputError(
                f"bioimageio.spec {spec} does not work with pydantic {PYDANTIC}: pip install 'pydantic<{PYDANTIC}'"
            )


def _is_there(name: str) -> bool:
    parent, _, _ = name.rpartition(".")
    return (not parent or find_spec(parent) is not None) and find_spec(name) is not None
