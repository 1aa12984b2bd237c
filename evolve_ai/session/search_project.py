"""Finds the project of a search, and opens it for writing."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evolve_ai import __version__
from evolve_ai.model.blocks import BlockError, regions
from evolve_ai.model.candidate import genome_of
from evolve_ai.model.errors import StorageError, TaskError, UsageError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.settings import Settings
from evolve_ai.model.task_settings import Task
from evolve_ai.notifications.event_log import EventLog
from evolve_ai.notifications.notifier import Notifier, open_notifier
from evolve_ai.search.parts import SearchParts
from evolve_ai.session.holding import IMPROVE
from evolve_ai.session.project_root import no_search
from evolve_ai.session.run_names import run_id
from evolve_ai.state.copies import Copies, Mended
from evolve_ai.state.search import Committed, SearchRegistry
from evolve_ai.system.files import is_full, publish
from evolve_ai.system.lock import Lock
from evolve_ai.system.paths import check_utf8
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import SEARCH_MARK as MARK
from evolve_ai.system.project import Folders, is_search
from evolve_ai.system.search_mark import task_folder
from evolve_ai.system.task_file import load_task
from evolve_ai.system.task_folder import read_files
from evolve_ai.system.task_names import OUTPUT, TASK_FILE
from evolve_ai.system.tools import tool_path

_NATIVE = "native"
_OURS = {"workspace", "logs", "lost+found"}  # what may lie there before a search is begun
_TASK = -1  # the number under which the registry keeps what the search depends on


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A folder with a task, and what was read from it."""

    folder: Path
    task: Task
    files: TaskFiles


# Makes the parts that a task names, for the project in this folder.
AssembleSearch = Callable[[TaskFolder, Path], SearchParts]


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """A project of a search, held and open for writing."""

    root: Path
    found: TaskFolder
    parts: SearchParts
    registry: SearchRegistry
    notifier: Notifier
    run: str
    copies: Copies
    notes: list[str] = field(default_factory=list)  # for the user


def project_of(folder: Path, project: Path | None) -> Path:
    """The project of the task in `folder`: as given, or the folder for its output."""
    return (project or folder / OUTPUT).absolute()


def task_of(root: Path) -> Path:
    """The folder of the task that this project is of. NoProjectError where it is of none."""
    folder = task_folder(root)
    if folder is None:
        raise no_search(root.absolute())
    return folder


def read_task(
    folder: Path, overrides: Sequence[str] = (), outputs: Sequence[Path] = ()
) -> TaskFolder:
    """Read and check a task: settings, files, marks, the evaluator's file. TaskError,
    SettingsError."""
    refuse_other_systems()
    root = folder.absolute()
    if not root.is_dir():
        raise TaskError("there is no such folder", where=root)
    check_utf8(root)
    task = load_task(root, overrides)
    files = read_files(root, task, outputs)
    for path, data in files.initial.items():
        try:
            regions(data, task.program.blocks)
        except BlockError as error:
            raise TaskError(error.what, where=root / path, todo=error.todo) from error
    _check_interpreter(root, task.evaluate.interpreter)
    evaluators = [("evaluate", task.evaluate.python)]
    if task.holdout is not None:
        evaluators.append(("holdout", task.holdout.python))
    for table, call in evaluators:
        _check_evaluator(root, files, table, call)
    return TaskFolder(root, task, files)


def _check_interpreter(root: Path, interpreter: str) -> None:
    if interpreter and shutil.which(interpreter, path=tool_path(os.environ)) is None:
        raise TaskError(
            f"evaluate.interpreter: there is no program {interpreter}",
            where=root / TASK_FILE,
            todo='name a Python of this machine by its path; "" is the one that runs evolve',
        )


def _check_evaluator(root: Path, files: TaskFiles, table: str, call: str) -> None:
    file = call.partition(":")[0]
    if not file or file in files.fixed or file in files.hidden:
        return
    if file in files.initial:
        raise TaskError(
            f"{table}.python: {file} is one of the files that may change",
            where=root / TASK_FILE,
            todo="let program.files name only the program",
        )
    raise TaskError(f"{table}.python: there is no {file}", where=root / TASK_FILE)


@contextmanager
def opened_search(
    folder: Path,
    project: Path | None,
    overrides: Sequence[str],
    assemble: AssembleSearch,
    purpose: str = IMPROVE,
) -> Iterator[OpenSearch]:
    """Hold the project and open it for writing. HeldError while another command holds it."""
    root = project_of(folder, project)
    with opened_at(root, read_task(folder, overrides, [root]), assemble, purpose) as opened:
        yield opened


@contextmanager
def opened_at(
    root: Path, found: TaskFolder, assemble: AssembleSearch, purpose: str = IMPROVE
) -> Iterator[OpenSearch]:
    """As opened_search, for a task that was read."""
    if (root / "evolve.toml").exists():
        raise UsageError(
            "this is the project of a population",
            where=root,
            todo="name another folder: --project DIR",
        )
    _check_place(root)
    with ExitStack() as stack:
        stack.enter_context(_held(root, found, purpose))
        mark = {"folder": str(found.folder), "format": _NATIVE}
        publish(Folders(root).workspace / MARK, json.dumps(mark).encode())
        copies = Copies(Folders(root).registry)
        mended = copies.mend()
        registry = SearchRegistry.create(Folders(root).registry)
        stack.callback(registry.close)
        # A copy knows less than the log: no number of an event occurs twice.
        registry.skip_events(_last_logged(Folders(root)))
        parts = assemble(found, root)
        for opened in _running(stack, root, found, parts, registry, copies, purpose):
            if mended is not None:
                opened.notes.append(_restored(opened, mended))
            yield opened
            copies.at_end(registry)


def _check_place(root: Path) -> None:
    """UsageError where no search can be kept: in a folder with other things, or behind a file."""
    try:
        others = {one.name for one in root.iterdir()} - _OURS
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise UsageError(
            "no folder can be here: its path leads through a file",
            where=root,
            todo="name another folder: --project DIR",
        ) from error
    except PermissionError:
        return  # whoever reads or writes there says so
    if others and not is_search(root):
        raise UsageError(
            f"this folder is no project of a search, and has other files: {min(others)}",
            where=root,
            todo="name a new or an empty folder: --project DIR",
        )


def _held(root: Path, found: TaskFolder, purpose: str) -> Lock:
    """The lock of the project. Where the task is in a folder that cannot be written, the search
    can be kept elsewhere: the StorageError says so."""
    try:
        return Lock(Folders(root).workspace, purpose)
    except StorageError as error:
        if purpose != IMPROVE or is_full(error) or root != project_of(found.folder, None):
            raise
        todo = f"{error.todo}, or keep the search elsewhere: --project DIR"
        raise StorageError(error.what, where=error.where, todo=todo) from error


def _running(
    stack: ExitStack,
    root: Path,
    found: TaskFolder,
    parts: SearchParts,
    registry: SearchRegistry,
    copies: Copies,
    purpose: str,
) -> Iterator[OpenSearch]:
    places = Folders(root)
    _check_inputs(registry, parts, root)
    notifier = open_notifier(Settings(), places.logs, registry.events_after, mark=places.delivered)
    stack.callback(notifier.close)
    run = run_id()
    registry.begin_run(run, purpose, found.task.model_dump_json(), __version__)
    yield OpenSearch(root, found, parts, registry, notifier, run, copies)
    registry.end_run(run)


def _last_logged(places: Folders) -> int:
    events = Settings().events
    path = places.logs / "events.jsonl"
    return EventLog(path, events.file_bytes, events.files, mark=places.delivered).last_seq()


def _restored(opened: OpenSearch, mended: Mended) -> str:
    """Put it on record that a copy of the registry is gone on with; a sentence for the user."""
    last = opened.registry.last_number()
    aside = mended.aside.name if mended.aside else None
    data = {
        "command": "restore",
        "reason": str(mended.trouble),
        "copied": mended.copied,
        "aside": aside,
    }
    event = Event(Kind.COMMAND, last, None, data)
    opened.registry.commit(Committed(events=(event,)), opened.run)
    kept = f"; what was there is kept as {aside}" if aside else ""
    return (
        f"the registry was {mended.trouble}: its copy of {mended.copied} is in its place; it ends "
        f"with candidate {last}{kept}"
    )


def _check_inputs(registry: SearchRegistry, parts: SearchParts, root: Path) -> None:
    """Scores are comparable, and history repeatable, only while what they depend on is the same.
    UsageError, with what has changed, once there are candidates."""
    now = _inputs(parts)
    before = registry.examined(_TASK, "inputs")
    if before == now:
        return
    if registry.last_number() < 0:
        registry.begin_anew()
        registry.keep_examined(_TASK, "inputs", now)
        state = replace(registry.state, seed=parts.task.search.seed)
        registry.set_state(state)
        return
    old = before or {}
    changed = [name for name in now if now[name] != old.get(name)]
    words = ", ".join(_WORDS.get(name, name) for name in changed)
    raise UsageError(
        f"since this search began, something has changed on which its scores or its history "
        f"depend: {words}",
        where=root,
        todo="change it back, or begin another search: --project DIR",
    )


_WORDS = {
    "evaluator": "the evaluator, its files, or their settings",
    "program": "the initial program",
}


def _inputs(parts: SearchParts) -> dict[str, Any]:
    task = parts.task
    search = task.search.model_dump(include={"seed", "window", "order", "stagnation"})
    told: Mapping[str, Any] = {
        "evaluator": parts.evaluator.digest,
        "program": genome_of(parts.files.initial),
        **{f"search.{name}": value for name, value in search.items()},
        "archive": task.archive.model_dump(),
        "proposers": [one.model_dump() for one in task.proposers],
    }
    body: dict[str, Any] = json.loads(json.dumps(told))
    return body
