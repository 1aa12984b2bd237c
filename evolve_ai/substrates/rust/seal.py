"""Owns the seal of compiled crates: what a compiler wrote is what the next one links, or is gone.

Cargo looks at times only; a byte that changes on the disk would go on into every later program.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from evolve_ai.system.files import publish

_CRATES = ("*.rlib", "*.rmeta")


class Seal:
    """The hash of every compiled crate below a folder, kept in a file beside it."""

    def __init__(self, target: Path, file: Path):
        self._target = target
        self._file = file

    def renew(self) -> None:
        """Take what is here now as it should be."""
        found = {name: _hash(path) for name, path in self._crates()}
        publish(self._file, json.dumps(found).encode(), durable=False)

    def is_broken(self) -> bool:
        """Has a crate another content than when it was sealed? Those never sealed do not count."""
        try:
            sealed = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        if not isinstance(sealed, Mapping):
            return True
        return any(sealed[name] != _hash(path) for name, path in self._crates() if name in sealed)

    def _crates(self) -> Iterator[tuple[str, Path]]:
        for pattern in _CRATES:
            for path in sorted(self._target.rglob(f"deps/{pattern}")):
                yield str(path.relative_to(self._target)), path


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
