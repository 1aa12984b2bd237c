"""Imports pyribs, an optional package, when an archive with cells is made: it takes seconds."""

import importlib
from typing import Any

from evolve_ai.model.errors import ToolchainError


def ribs_archives(name: str) -> Any:
    """The module of its archives. ToolchainError where it is missing."""
    try:
        return importlib.import_module("ribs.archives")
    except ImportError as error:
        raise ToolchainError(
            f"the archive {name!r} needs the package ribs, which cannot be imported: {error}",
            todo="pip install 'evolve-ai[archives]', or choose another archive: "
            "evolve plugins archive",
        ) from error
