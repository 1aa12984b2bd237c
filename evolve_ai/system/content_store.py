"""The content store: keeps bytes under their own SHA-256."""

import hashlib
import os
import re
from pathlib import Path

from evolve_ai.system.files import publish, read_regular

_MAX_BYTES = 256 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")


class ContentStore:
    """A folder of files named by content. get() returns exactly what was put, or nothing.

    With `tidy`, an altered file is removed.
    """

    def __init__(self, folder: Path, *, tidy: bool = True):
        self.folder = folder
        self._tidy = tidy

    def put(self, data: bytes) -> str:
        """Store these bytes; returns their SHA-256. StorageError when the disk fails."""
        code = hashlib.sha256(data).hexdigest()
        if self.get(code) is None:
            publish(self._path(code), data)
        return code

    def get(self, code: str) -> bytes | None:
        """The bytes with this SHA-256, verified; None when unknown or altered."""
        path = self._path(code)
        try:
            data = read_regular(path, _MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError:  # a link, a pipe, a file that grew: not written by us
            data = b""
        if hashlib.sha256(data).hexdigest() != code:
            if self._tidy:
                path.unlink(missing_ok=True)
            return None
        return data

    def has(self, code: str) -> bool:
        return self._path(code).is_file()

    def inspect(self) -> tuple[int, tuple[Path, ...]]:
        """How many files are stored, and which of them do not match their names."""
        files = [path for path in sorted(self.folder.glob("*/*")) if path.name[0] != "."]
        return len(files), tuple(path for path in files if not self._is_intact(path))

    def _is_intact(self, path: Path) -> bool:
        known = _HASH.fullmatch(path.name) is not None and path == self._path(path.name)
        # A file that is gone by now was removed by its owner on purpose.
        return known and (self.get(path.name) is not None or not os.path.lexists(path))

    def _path(self, code: str) -> Path:
        if not _HASH.fullmatch(code):
            raise ValueError(f"no SHA-256: {code[:80]!r}")
        return self.folder / code[:2] / code


class Reading(ContentStore):
    """A content store for readers that must not write: put() keeps the bytes in memory."""

    def __init__(self, folder: Path):
        super().__init__(folder, tidy=False)
        self.seen: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        code = hashlib.sha256(data).hexdigest()
        self.seen[code] = data
        return code

    def get(self, code: str) -> bytes | None:
        return self.seen[code] if code in self.seen else super().get(code)
