"""Owns the inbox: commands given to a project while a life-cycle holds it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.system.files import publish


@dataclass(frozen=True, slots=True)
class Command:
    """A request from another process, with what it needs to be carried out."""

    name: str
    arguments: Mapping[str, Any]


def post(inbox: Path, command: Command) -> None:
    inbox.mkdir(parents=True, exist_ok=True)
    body = {"command": command.name, "arguments": dict(command.arguments)}
    names = sorted(int(path.stem.split("-")[0]) for path in inbox.glob("*-*.json"))
    number = names[-1] + 1 if names else 1
    publish(inbox / f"{number}-{uuid.uuid4().hex[:8]}.json", json.dumps(body).encode())


def waiting(inbox: Path) -> tuple[tuple[Path, Command | None], ...]:
    """Commands in the order of their posting; None for a file that is no command."""
    if not inbox.is_dir():
        return ()
    found = []
    for path in sorted(inbox.glob("*-*.json"), key=_order):
        found.append((path, _read(path)))
    return tuple(found)


def _order(path: Path) -> tuple[int, str]:
    head = path.stem.split("-")[0]
    return (int(head) if head.isdigit() else 0, path.name)


def _read(path: Path) -> Command | None:
    try:
        body = json.loads(path.read_bytes())
        return Command(str(body["command"]), dict(body["arguments"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
