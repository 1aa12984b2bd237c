"""Writes the files of a program where a person asks for them."""

from collections.abc import Iterator
from pathlib import Path

from evolve_ai.model.candidate import Sources
from evolve_ai.model.errors import EvolveError
from evolve_ai.system.files import holds, publish, storage_errors


def export(folder: Path, sources: Sources, *, force: bool = False) -> Iterator[Path]:
    """Write all files below this folder, which is made where it is missing. EvolveError, before
    anything is written, where one is there with another content, unless `force`."""
    others = [path for path, data in sources.items() if _is_other(folder / path, data)]
    if others and not force:
        raise EvolveError(
            f"other files are there already: {', '.join(others)}",
            where=folder,
            todo="overwrite them with --force, or name another folder",
        )
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path, data in sources.items():
        publish(folder / path, data)
        yield folder / path


def apply_to(folder: Path, before: Sources, after: Sources) -> Iterator[Path]:
    """Write the files that differ into the task's folder. EvolveError, before anything is written,
    where a file is no longer what the search began with."""
    changed = [path for path in before if before[path] != after[path]]
    for path in changed:
        if not holds(folder / path, before[path]) and not holds(folder / path, after[path]):
            raise EvolveError(
                "this file has changed since the search began",
                where=folder / path,
                todo="take the patch: evolve best --diff | patch -p1",
            )
    for path in changed:
        mode = (folder / path).stat().st_mode & 0o777
        publish(folder / path, after[path], mode=mode)
        yield folder / path


def _is_other(path: Path, data: bytes) -> bool:
    return path.exists() and not holds(path, data)
