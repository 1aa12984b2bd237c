"""Seals compiled crates: what a compiler wrote is what the next one links, or is gone.

Cargo looks at times only; a byte that changes on the disk would go on into every later program.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.target import TODO, Target
from evolve_ai.system.files import opened_regular, publish

MAX_CRATE = 2**30  # bytes
MAX_ALL = 2**35  # bytes of all of them, as their names tell: what is not on the disk counts, too
_CHUNK = 2**20


class Seal:
    """The hash of every compiled crate of a target folder, kept in a file beside it."""

    def __init__(self, target: Target, file: Path):
        self._target = target
        self._file = file

    def renew(self) -> None:
        """Take what is here now as it should be.

        ToolchainError, and all of it is gone, where there is more than anybody could have meant.
        """
        try:
            found = dict(self._hashes())
        except ToolchainError:
            self._target.empty()
            self.forget()
            raise
        publish(self._file, json.dumps(found).encode("utf-8", "surrogateescape"), durable=False)

    def is_broken(self) -> bool:
        """Has a crate another content than when it was sealed? Those never sealed do not count."""
        try:
            sealed = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return False
        except (OSError, ValueError, RecursionError):
            return True
        if not isinstance(sealed, Mapping):
            return True
        try:
            return any(digest != sealed.get(name, digest) for name, digest in self._hashes(sealed))
        except ToolchainError:
            return True

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    def _hashes(self, only: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
        left = MAX_ALL
        for name, path in self._target.crates():
            if only is None or name in only:
                digest, size = _hash(path)
                left -= size
                if left < 0:
                    told = f"a build has left compiled crates of more than {MAX_ALL} bytes"
                    raise ToolchainError(told, where=path.parent, todo=TODO)
                yield name, digest


def _hash(path: Path) -> tuple[str, int]:
    """Of what is no file of sane size it is empty."""
    digest = hashlib.sha256()
    try:
        with opened_regular(path, MAX_CRATE) as (handle, size):
            while data := os.read(handle, _CHUNK):
                digest.update(data)
    except OSError:
        return "", 0
    return digest.hexdigest(), size
