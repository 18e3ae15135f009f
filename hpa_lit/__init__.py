"""Protein localisation in Human Protein Atlas images: train, predict, ensemble, submit."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpa_lit.inference.loaded import load_model

__version__ = "0.2.0"
__all__ = ["__version__", "load_model"]


def __getattr__(name: str) -> Any:
    """The API's names, imported when they are asked for: what is behind them takes seconds to load."""
    if name == "load_model":
        from hpa_lit.inference.loaded import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
