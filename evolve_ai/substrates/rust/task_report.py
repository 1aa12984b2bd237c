"""Reads what cargo says of the package of a task: its program, and errors with their places."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.substrates.rust.cargo import TORN

_RENDERED = 16 * 1024  # characters of all errors that are kept


@dataclass(frozen=True, slots=True)
class PlacedError:
    """One error. `file` is "" where it is in no file; `code` may be "", too."""

    file: str
    line: int
    code: str
    text: str
    rendered: str

    def sentence(self) -> str:
        told = f"error[{self.code}]: {self.text}" if self.code else f"error: {self.text}"
        return f"{self.file}:{self.line}: {told}" if self.file else told


@dataclass(slots=True)
class TaskReport:
    """Of one run. `elsewhere` are errors in other packages, as they are shown to a user."""

    package: str
    errors: list[PlacedError] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    program: Path | None = None
    torn: bool = False

    def hear(self, line: bytes) -> None:
        """Take one line of cargo's JSON; anything else is passed over."""
        try:
            message = json.loads(line)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            self.program = Path(message["executable"])
        elif message.get("reason") == "compiler-message":
            self._hear(str(message.get("package_id", "")), message["message"])

    def _hear(self, package: str, message: Mapping[str, Any]) -> None:
        text = str(message.get("message", ""))
        if not str(message.get("level", "")).startswith("error") or text.startswith("aborting due"):
            return
        code = str((message.get("code") or {}).get("code") or "")
        if code in TORN:
            self.torn = True
            return
        rendered = str(message.get("rendered") or text)
        if not package.startswith("path+"):
            self.elsewhere.append(rendered)
            return
        file, line = _place(message)
        self.errors.append(PlacedError(file, line, code, text.splitlines()[0][:300], rendered))


def rendered(errors: list[PlacedError]) -> str:
    return "\n".join(one.rendered for one in errors)[:_RENDERED]


def _place(message: Mapping[str, Any]) -> tuple[str, int]:
    """The file of the package where an error is, looking out of macros."""
    for span in sorted(message.get("spans", ()), key=lambda one: not one.get("is_primary")):
        at: Mapping[str, Any] | None = span
        while at is not None:
            name = str(at.get("file_name", ""))
            if name and not name.startswith(("/", "<")):
                return name, int(at.get("line_start", 0))
            at = (at.get("expansion") or {}).get("span")
    return "", 0
