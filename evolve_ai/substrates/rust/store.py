"""Owns the program store: what was built, found by fingerprint, never run unless intact."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.report import Program
from evolve_ai.system.files import publish, storage_errors, sync_folder, tree_size

PROGRAM = "program"
INDEX = "index.json"
DEFAULT_LIMIT = 2 * 1024**3  # bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program of a fingerprint is: a batch, and the row of its table."""

    batch: str
    row: int


class ProgramStore:
    """Batches of programs in folders: one binary, one index from fingerprint to row."""

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT):
        self.folder = folder
        self.limit = limit
        self._places: dict[str, Place] = {}
        self._digests: dict[str, str] = {}  # batch -> SHA-256 of its binary, as its index says
        self._intact: set[str] = set()  # batches verified in this run
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for batch in sorted(folder.iterdir()):
            self._open(batch)

    def find(self, fingerprints: Iterable[str]) -> dict[str, Program]:
        """The programs of these fingerprints that are here and intact."""
        found = {}
        for fingerprint in fingerprints:
            place = self._places.get(fingerprint)
            if place is not None and self._verified(place.batch):
                file = self.folder / place.batch / PROGRAM
                found[fingerprint] = Program(file, (str(place.row),))
        return found

    def add(self, binary: Path, fingerprints: Sequence[str]) -> Mapping[str, Program]:
        """Keep a binary whose table has these fingerprints as its rows, in this order."""
        batch = hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()
        rows = {fingerprint: row for row, fingerprint in enumerate(fingerprints)}
        with storage_errors(self.folder):
            code = binary.read_bytes()
            digest = hashlib.sha256(code).hexdigest()
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                made.chmod(0o755)
                publish(made / PROGRAM, code, mode=0o555)
                index = json.dumps({"program": digest, "rows": rows})
                publish(made / INDEX, index.encode())
                self._drop(batch)
                made.replace(self.folder / batch)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
            sync_folder(self.folder)
        self._open(self.folder / batch)
        self._intact.add(batch)
        return self.find(fingerprints)

    def prune(self, needed: Iterable[str]) -> int:
        """Drop batches that nobody needs, longest unused first, until the limit is kept.

        Returns how many were dropped.
        """
        kept = {self._places[one].batch for one in needed if one in self._places}
        sizes = {batch: tree_size(self.folder / batch) for batch in self._digests}
        total, dropped = sum(sizes.values()), 0
        for batch in kept:
            os.utime(self.folder / batch / INDEX)
        for batch in sorted(set(sizes) - kept, key=self._last_use):
            if total <= self.limit:
                break
            self._drop(batch)
            total -= sizes[batch]
            dropped += 1
        return dropped

    def _last_use(self, batch: str) -> tuple[int, str]:
        return (self.folder / batch / INDEX).stat().st_mtime_ns, batch

    def _open(self, folder: Path) -> None:
        """Learn what a batch holds; what is no batch, or a torn one, is removed."""
        try:
            index = json.loads((folder / INDEX).read_bytes())
            rows = {str(one): int(row) for one, row in index["rows"].items()}
            digest = str(index["program"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            _remove(folder)
            return
        self._digests[folder.name] = digest
        self._places.update((one, Place(folder.name, row)) for one, row in rows.items())

    def _verified(self, batch: str) -> bool:
        """Is the binary what its index says? Read once in a run; a batch that is not, is gone."""
        if batch in self._intact:
            return True
        try:
            code = (self.folder / batch / PROGRAM).read_bytes()
        except OSError:
            code = b""
        if hashlib.sha256(code).hexdigest() != self._digests.get(batch):
            self._drop(batch)
            return False
        os.utime(self.folder / batch / INDEX)
        self._intact.add(batch)
        return True

    def _drop(self, batch: str) -> None:
        _remove(self.folder / batch)
        self._intact.discard(batch)
        if self._digests.pop(batch, None) is not None:
            gone = [one for one, place in self._places.items() if place.batch == batch]
            for fingerprint in gone:
                del self._places[fingerprint]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
