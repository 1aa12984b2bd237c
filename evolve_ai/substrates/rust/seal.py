"""Owns the seal of compiled crates: what a compiler wrote is what the next one links, or is gone.

Cargo looks at times only; a byte that changes on the disk would go on into every later program.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from evolve_ai.system.files import publish, read_regular

_CRATES = (".rlib", ".rmeta")
_MAX_BYTES = 2**30


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
        for parent, _, names in os.walk(self._target):  # into no link to elsewhere
            if Path(parent).name == "deps":
                for path in (Path(parent, name) for name in names if name.endswith(_CRATES)):
                    yield str(path.relative_to(self._target)), path


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(read_regular(path, _MAX_BYTES)).hexdigest()
    except OSError:
        return ""
