"""Commands to a search, in the inbox of its project: propose, pause, resume."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve_ai.model.candidate import Sources
from evolve_ai.model.errors import TaskError, UsageError
from evolve_ai.model.event import Event, Kind
from evolve_ai.operator import inbox
from evolve_ai.search.asking import Admission
from evolve_ai.search.search import Human, Search
from evolve_ai.session.search_project import OpenSearch, TaskFolder
from evolve_ai.state.search import Committed
from evolve_ai.system.files import read_regular
from evolve_ai.system.project import Folders

PROPOSE, PAUSE, RESUME = "propose", "pause", "resume"
_MOST = 64 * 1024 * 1024


class SearchInbox:
    """Reads the inbox of a search that runs. A command is carried out once: a proposal is on record
    before its file is removed, and the others do nothing if they are repeated."""

    def __init__(self, opened: OpenSearch, search: Search):
        self._opened, self._search = opened, search
        self._registry = opened.registry
        self._folder = Folders(opened.root).inbox
        self._queued: dict[str, Path] = {}

    @property
    def paused(self) -> bool:
        return self._registry.state.paused is not None

    def obey(self) -> list[str]:
        """Carry out what has come; lines for the user."""
        if not self._folder.is_dir():
            return []
        self._clear()
        told = []
        for path, command in inbox.waiting(self._folder):
            if path.name in self._queued:
                continue
            if command is not None and command.name == PROPOSE:
                told += self._propose(path, command)
                continue
            if command is not None and command.name in (PAUSE, RESUME):
                told.append(self._pause(command.name))
            else:
                told.append(f"{path.name}: no command to a search")
            path.unlink(missing_ok=True)
        return told

    def _clear(self) -> None:
        """Remove the files of proposals that are on record."""
        if not self._queued and not any(self._folder.iterdir()):
            return
        done = self._registry.commands_done()
        for path in self._folder.glob("*-*.json"):
            if path.name in done:
                path.unlink(missing_ok=True)
                self._queued.pop(path.name, None)

    def _propose(self, path: Path, command: inbox.Command) -> list[str]:
        try:
            sources = decoded(command.arguments["files"])
            note = str(command.arguments.get("note", ""))
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            path.unlink(missing_ok=True)
            return [f"{path.name}: no proposal"]
        self._queued[path.name] = path
        self._search.humans.append(Human(sources, path.name, note))
        return [f"propose: {', '.join(sources)} will be one of the next candidates"]

    def _pause(self, name: str) -> str:
        state = self._registry.state
        number = self._search.committed if name == PAUSE else None
        if (state.paused is None) == (number is None):
            return f"{name}: nothing changed"
        event = Event(Kind.COMMAND, max(0, self._search.committed), None, {"command": name})
        batch = Committed(events=(event,), state=replace(state, paused=number))
        self._opened.notifier.deliver(self._registry.commit(batch, self._opened.run))
        return "paused: evolve resume goes on" if name == PAUSE else "resumed"


def post(root: Path, name: str, arguments: Mapping[str, Any] | None = None) -> None:
    inbox.post(Folders(root).inbox, inbox.Command(name, arguments or {}))


def proposal(found: TaskFolder, given: Path, path: str = "") -> dict[str, Any]:
    """The arguments of a proposal: a file for the only file that may change (or for `path`), or a
    folder in which some of them lie. TaskError for what could never be a candidate."""
    initial = found.files.initial
    sources = _read(given, initial, path)
    task = found.task.program
    wrong = Admission(initial, task.blocks, task.max_bytes).fault(initial, sources)
    if wrong is not None:
        raise TaskError(wrong.reason, where=given)
    return {"files": {path: base64.b64encode(data).decode() for path, data in sources.items()}}


def _read(given: Path, initial: Sources, path: str) -> dict[str, bytes]:
    try:
        if given.is_dir():
            found = {p: read_regular(given / p, _MOST) for p in initial if (given / p).is_file()}
            if not found:
                words = ", ".join(initial)
                raise UsageError(f"none of the files that may change ({words})", where=given)
            return found
        names = [path] if path else [p for p in initial if Path(p).name == given.name]
        if not path and len(initial) == 1:
            names = list(initial)
        if path and path not in initial:
            raise UsageError(
                f"{path!r} is none of the files of the task that may change",
                where="--as",
                todo=f"there are: {', '.join(initial)}",
            )
        if len(names) != 1:
            raise UsageError(
                "it is not clear which file of the task this is",
                where=given,
                todo=f"say which: --as PATH, one of {', '.join(initial)}",
            )
        return {names[0]: read_regular(given, _MOST)}
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=given) from error


def decoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {str(path): base64.b64decode(text, validate=True) for path, text in files.items()}
