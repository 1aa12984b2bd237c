"""Keeps compiled programs of tasks by what they were made of; the ones unused longest go first."""

import hashlib
import os
from pathlib import Path

from evolve_ai.substrates.rust.target import MAX_PROGRAM
from evolve_ai.system.files import publish, read_regular, storage_errors

MOST_BYTES = 2**30
_LEFT = 0.75  # of that, after removing
_HASH = 32  # bytes before each program


class TaskStore:
    """`most` bytes of programs in a folder."""

    def __init__(self, folder: Path, most: int = MOST_BYTES):
        self._folder, self._most = folder, most
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._bytes = sum(path.stat().st_size for path in folder.iterdir())

    def find(self, key: str) -> bytes | None:
        """None also for what is torn, which is removed."""
        place = self._folder / key
        try:
            data = read_regular(place, MAX_PROGRAM)
            os.utime(place)
        except OSError:
            return None
        if hashlib.sha256(data[_HASH:]).digest() != data[:_HASH]:
            place.unlink(missing_ok=True)
            return None
        return data[_HASH:]

    def add(self, key: str, program: bytes) -> None:
        """StorageError when the disk fails."""
        data = hashlib.sha256(program).digest() + program
        publish(self._folder / key, data, durable=False)
        self._bytes += len(data)
        if self._bytes > self._most:
            self._prune(key)

    def _prune(self, kept: str) -> None:
        found = [(path.stat(), path) for path in self._folder.iterdir() if path.name != kept]
        found.sort(key=lambda one: one[0].st_mtime_ns, reverse=True)
        self._bytes = (self._folder / kept).stat().st_size
        for told, path in found:
            if self._bytes + told.st_size > self._most * _LEFT:
                path.unlink(missing_ok=True)
            else:
                self._bytes += told.st_size
