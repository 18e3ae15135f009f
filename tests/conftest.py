"""What tests of several rooms share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference values that are part of this repository."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real tables and pictures, which are not part of this repository."""
    folder = os.environ.get("HPA_LIT_SHARED")
    if not folder:
        pytest.skip("HPA_LIT_SHARED is not set: real tables and pictures are not at hand")
    return Path(folder)
