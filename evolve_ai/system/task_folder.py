"""Reads the folder of a task: all its files, once, by content; nothing is ever written there."""

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from evolve_ai.model.candidate import hash_of
from evolve_ai.model.errors import TaskError
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.task_settings import Task
from evolve_ai.system.files import read_regular
from evolve_ai.system.task_names import OUTPUT, TASK_FILE

_IGNORED = frozenset({OUTPUT, ".git", ".hg", ".svn", "__pycache__", ".venv", "node_modules",
                      "target", ".evolve"})  # fmt: skip
_MOST_FILES = 20_000
_MOST_BYTES = 512 * 1024 * 1024


def read_files(folder: Path, task: Task, outputs: Sequence[Path] = ()) -> TaskFiles:
    """All files of a task. `outputs` are folders of projects, which are no part of it.

    Raises TaskError for a glob that matches nothing, a link that leads out of the folder, a file
    that cannot be read, and for more than 20,000 files or 512 MiB.
    """
    left_out = {path.resolve() for path in outputs}
    paths = sorted(_walk(folder, "", left_out))
    chosen = _chosen(folder, task.program.files, paths)
    holdout = task.holdout
    hidden = set(_matching(holdout.files, paths)) if holdout is not None else set()
    if holdout is not None and holdout.python:
        hidden.add(holdout.python.partition(":")[0])
    hidden -= {
        *chosen,
        task.evaluate.python.partition(":")[0],
    }  # what the search needs is no secret
    fixed: dict[str, str] = {}
    apart: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    size = 0
    initial = {path: _read(folder, path) for path in chosen}
    for path in paths:
        if path in initial:
            continue
        data = _read(folder, path)
        size += len(data)
        if size > _MOST_BYTES:
            raise TaskError(
                f"its files have more than {_MOST_BYTES >> 20} MiB",
                where=folder,
                todo="keep data elsewhere, and name its place in task.toml (limits.readable)",
            )
        code = hash_of(data)
        contents[code] = data
        (apart if path in hidden else fixed)[path] = code
    return TaskFiles(initial, fixed, apart, contents)


def _chosen(folder: Path, globs: Sequence[str], paths: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for glob in globs:
        matching = list(_matching([glob], paths))
        if not matching:
            raise TaskError(
                f"program.files: {glob!r} matches no file",
                where=folder / TASK_FILE,
                todo="name the files that may change by paths relative to this folder",
            )
        found.update(dict.fromkeys(matching))
    found.pop(TASK_FILE, None)
    if not found:
        raise TaskError(
            f"program.files names only {TASK_FILE}, which may not change",
            where=folder / TASK_FILE,
            todo="name the files that may change by paths relative to this folder",
        )
    return list(found)


def _matching(globs: Sequence[str], paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if any(pattern(glob).fullmatch(path) for glob in globs):
            yield path


@cache
def pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` match within a folder, `**/` any folders, also none."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])", glob)
    words = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile(
        "".join(
            words.get(part) or (part.replace("[!", "[^") if part[:1] == "[" else re.escape(part))
            for part in parts
        ),
        re.DOTALL,
    )


def _walk(
    folder: Path, below: str, left_out: set[Path], count: Sequence[int] = ()
) -> Iterator[str]:
    pending, seen = [below], 0
    while pending:
        inner = pending.pop()
        try:
            entries = sorted(os.scandir(folder / inner), key=lambda entry: entry.name)
        except OSError as error:
            raise TaskError(f"cannot be read: {error.strerror}", where=folder / inner) from error
        for entry in entries:
            path = f"{inner}{entry.name}"
            if entry.name in _IGNORED:
                continue
            if entry.is_symlink():
                _check_link(folder, Path(entry.path))
            if entry.is_dir() and Path(entry.path).resolve() in left_out:
                continue
            if entry.is_dir():
                if not entry.is_symlink():
                    pending.append(f"{path}/")
                continue
            seen += 1
            if seen > _MOST_FILES:
                raise TaskError(f"it has more than {_MOST_FILES:,} files", where=folder)
            yield path


def _check_link(folder: Path, link: Path) -> None:
    try:
        target = link.resolve()
    except (OSError, RuntimeError):  # links in a circle: they do not exist
        target = folder.resolve()
    if not target.is_relative_to(folder.resolve()):
        raise TaskError(
            f"a link leads out of the task, to {target}",
            where=link,
            todo="replace it by what it points to: a task is one folder",
        )
    if not link.exists():
        raise TaskError(
            f"a link leads nowhere, to {link.readlink()}",
            where=link,
            todo="remove it, or replace it by a file",
        )


def _read(folder: Path, path: str) -> bytes:
    place = folder / path
    try:
        path.encode()
        return read_regular(place.resolve() if place.is_symlink() else place, _MOST_BYTES)
    except UnicodeEncodeError as error:
        raise TaskError("a file has a name that is not UTF-8", where=folder) from error
    except OSError as error:
        raise TaskError(f"cannot be read: {error.strerror}", where=place) from error
