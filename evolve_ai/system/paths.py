"""Refuses paths that build tools would misunderstand, before anything is created there."""

import os
import unicodedata
from pathlib import Path

from evolve_ai.model.errors import UsageError

# cargo joins folders with colons (LD_LIBRARY_PATH); linkers treat a percent sign as part of a
# pattern.
_SYNTAX = {":": "cargo separates folders by it", "%": "linkers take it for a pattern"}
# Bytes of an absolute path: SQLite opens no file with a path longer than 512.
LONGEST = 440
_OWN = len("/workspace")
_TODO = "choose another name for the folder"


def check_path(folder: Path) -> None:
    """UsageError if programs could not be built or started in this folder, or in the target of its
    links."""
    places = (folder, *(folder / name for name in ("workspace", "agents")))
    for path in dict.fromkeys([folder, *(Path(os.path.realpath(place)) for place in places)]):
        _check(path)


def check_utf8(path: Path) -> int:
    """The length of a path in bytes. It must be UTF-8, as in Cargo, JSON and the registry."""
    try:
        return len(str(path).encode())
    except UnicodeEncodeError as error:
        raise UsageError("the path is not UTF-8", where=_shown(path), todo=_TODO) from error


def _check(path: Path) -> None:
    size = check_utf8(path)
    reason = next((_reason(one) for one in str(path) if _reason(one)), None)
    if reason is None and size > LONGEST + _OWN:
        reason = f"the path has {size} bytes, and may have {LONGEST}"
    if reason is not None:
        raise UsageError(reason, where=_shown(path), todo=_TODO)


def _reason(character: str) -> str | None:
    if character in _SYNTAX:
        return f"no program can be built in a path with {character!r}: {_SYNTAX[character]}"
    kind = unicodedata.category(character)
    if kind in ("Cc", "Zl", "Zp") or (character.isspace() and character != " "):
        return f"no program can be built in a path with {character!r}: cargo lists files by lines"
    return None


def _shown(path: Path) -> str:
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)[:300]
