"""The inbox: commands to a project that a life-cycle holds."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.system.files import publish

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Command:
    """A command from another process, with its arguments."""

    name: str
    arguments: Mapping[str, Any]


def post(inbox: Path, command: Command) -> None:
    inbox.mkdir(parents=True, exist_ok=True)
    body = {"command": command.name, "arguments": dict(command.arguments)}
    number = 1 + max((_order(path)[0] for path in inbox.glob("*-*.json")), default=0)
    publish(inbox / f"{number}-{uuid.uuid4().hex[:8]}.json", json.dumps(body).encode())


def waiting(inbox: Path) -> tuple[tuple[Path, Command | None], ...]:
    """Commands in the order in which they were posted; None for a file that is no command."""
    if not inbox.is_dir():
        return ()
    files = (path for path in inbox.glob("*-*.json") if path.is_file() and not path.is_symlink())
    return tuple((path, _read(path)) for path in sorted(files, key=_order))


def _order(path: Path) -> tuple[int, str]:
    head = path.stem.split("-")[0]
    return (int(head) if _NUMBER.fullmatch(head) else 0, path.name)


def _read(path: Path) -> Command | None:
    try:
        body = json.loads(path.read_bytes())
        return Command(str(body["command"]), dict(body["arguments"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
