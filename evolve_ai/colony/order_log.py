"""Records what a colony has done of an order before the registry has it.

After a kill the next orchestrator reads it, and so does nothing twice.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgpack import unpackb
from msgspec.msgpack import Encoder

from evolve_ai.system.files import storage_errors

_HEADER = struct.Struct("<II")
_encode = Encoder().encode

Entry = list[Any]


def order_log_in(folder: Path) -> Path:
    """The path of a colony's order log; the file of an older version is renamed to it."""
    path, old = folder / "order_log", folder / "diary"
    if old.exists() and not path.exists():
        old.replace(path)
    return path


class OrderLog:
    """Entries under a title; each is a list of what msgspec can encode. Writes are not fsynced:
    they survive a kill, but not a power cut, which ends the agents that they describe, too."""

    def __init__(self, path: Path):
        """Read the log; half an entry at its end, which a kill has left, is cut off.

        Raises StorageError when it cannot be written.
        """
        self._path = path
        with storage_errors(path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._handle = os.open(path, flags, 0o600)
        data = os.pread(self._handle, os.fstat(self._handle).st_size, 0)
        entries, end = _entries(data)
        if end < len(data):
            os.ftruncate(self._handle, end)
        self._begun = bool(entries)
        self.title: str = str(entries[0][0]) if entries else ""
        self.entries: Sequence[Entry] = entries[1:]

    def open(self, title: str) -> Sequence[Entry]:
        """Return the entries so far if the log has this title; otherwise empty it."""
        if title != self.title:
            self.title, self.entries, self._begun = title, (), False
            with storage_errors(self._path):
                os.ftruncate(self._handle, 0)
        return self.entries

    def write(self, entries: Iterable[Entry]) -> None:
        """Append entries. StorageError when the disk is full; then no partial entry is left."""
        data = b"".join(map(_framed, entries))
        if not data:
            return
        if not self._begun:
            data = _framed([self.title]) + data
        with storage_errors(self._path):
            size = os.fstat(self._handle).st_size
            while data:
                try:
                    data = data[os.write(self._handle, data) :]
                except OSError:
                    os.ftruncate(self._handle, size)
                    raise
        self._begun = True

    def close(self) -> None:
        os.close(self._handle)


def _framed(entry: Entry) -> bytes:
    packed = _encode(entry)
    return _HEADER.pack(len(packed), zlib.crc32(packed)) + packed


def _entries(data: bytes) -> tuple[list[Entry], int]:
    """The complete entries at the beginning of these bytes, and the offset where they end."""
    entries: list[Entry] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        packed = data[at + _HEADER.size : end]
        if not length or end > len(data) or zlib.crc32(packed) != checksum:
            break
        entries.append(unpackb(packed))
        at = end
    return entries, at
