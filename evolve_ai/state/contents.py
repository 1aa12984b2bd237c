"""Keeps the files of programs by their SHA-256, compressed (state/compression.py)."""

import sqlite3
from collections.abc import Mapping

from evolve_ai.state.compression import Compression


class Contents:
    """Of one registry. A transaction is its caller's; after a rollback say `forget`."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        self._compression = Compression(self._connection)

    def put(self, contents: Mapping[str, bytes]) -> None:
        """Keep these, by SHA-256; those that are known stay as they are."""
        for code, data in contents.items():
            key = bytes.fromhex(code)
            known = self._connection.execute("SELECT 1 FROM contents WHERE hash = ?", [key])
            if known.fetchone() is None:
                dictionary, packed = self._compression.packed(data)
                self._connection.execute(
                    "INSERT INTO contents (hash, dictionary, zstd) VALUES (?, ?, ?)",
                    [key, dictionary, packed],
                )

    def get(self, code: str) -> bytes | None:
        row = self._connection.execute(
            "SELECT dictionary, zstd FROM contents WHERE hash = ?", [bytes.fromhex(code)]
        ).fetchone()
        return None if row is None else self._compression.unpacked(*row)
