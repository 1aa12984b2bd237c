"""Makes a folder with all that belongs in it, or nothing."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from evolve_ai.model.errors import UsageError
from evolve_ai.system.files import storage_errors, sync_folder
from evolve_ai.system.paths import check_path
from evolve_ai.system.settings_file import FILE_NAME

TASK_FILE = "task.toml"
_MARKS: Mapping[str, str] = {FILE_NAME: "project", TASK_FILE: "task"}


def made_whole(folder: Path, fill: Callable[[Path], None]) -> list[Path]:
    """Fill an empty or missing folder; returns the new paths, relative to it.

    Raises UsageError for a folder that is not empty, StorageError when the disk fails, and what
    `fill` raises: then nothing was made.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - must not resolve links
    check_path(folder)
    _refuse_what_is_there(folder)
    with storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            draft.chmod(0o755)
            fill(draft)
            _keep_others_out(draft)
            made = sorted(path.relative_to(draft) for path in draft.rglob("*"))
            _take_place(draft, folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return made


def _refuse_what_is_there(folder: Path) -> None:
    for name, kind in _MARKS.items():
        if (folder / name).exists():
            raise UsageError(
                f"is a {kind} already", where=folder, todo=f"give the new {kind} another folder"
            )
    if folder.is_dir():
        count = len(list(folder.iterdir()))
        if count:
            raise UsageError(
                f"is not empty: it holds {count} entries",
                where=folder,
                todo="give a folder that is empty or not there yet",
            )
    elif os.path.lexists(folder):
        raise UsageError("is no folder", where=folder, todo="give another name")


def _keep_others_out(draft: Path) -> None:
    """A copy has the mode of its source, which others may write to."""
    for path in draft.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o022)


def _take_place(draft: Path, folder: Path) -> None:
    """Rename the draft to the folder; if that is a mount point or the current folder, fill it."""
    try:
        draft.replace(folder)
    except OSError:
        if not folder.is_dir() or any(folder.iterdir()):
            raise
        entries = sorted(draft.iterdir(), key=lambda path: path.name in _MARKS)
        for entry in entries:
            shutil.move(entry, folder / entry.name)
        draft.rmdir()
    sync_folder(folder.parent)
