"""Evolve AI: breed populations of real programs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolve_ai.api import Result as Result
    from evolve_ai.api import improve as improve

__version__ = "0.3.0.dev0"
__all__ = ["Result", "__version__", "improve"]


def __getattr__(name: str) -> Any:
    """The Python API is loaded when it is used: the command line does not need it."""
    if name in ("improve", "Result"):
        return getattr(import_module("evolve_ai.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
