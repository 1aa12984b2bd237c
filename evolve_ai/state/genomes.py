"""Keeps genomes, compressed (state/compression.py), and by whom each was had when."""

import hashlib
import sqlite3

from evolve_ai.state.compression import Compression
from evolve_ai.state.inserts import insert


class Genomes:
    """Of one registry. A transaction is its caller's; after a rollback say `forget`."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        self._genomes: list[tuple[int, bytearray, int, bytearray]] = []
        self._history: list[tuple[int, int, int]] = []
        self._compression = Compression(self._connection)
        self._next: int | None = None  # number of the next genome

    def put(self, individual: int, cycle: int, data: bytes) -> None:
        """Note that this individual has this genome from this cycle on."""
        if self._next is None:
            query = "SELECT coalesce(max(genome), 0) + 1 FROM genomes"
            self._next = int(self._connection.execute(query).fetchone()[0])
        genome, self._next = self._next, self._next + 1
        digest = hashlib.sha256(data).digest()
        dictionary, packed = self._compression.packed(data)
        # Python's sqlite3 takes an array at once, and asks bytes for another form of them first.
        self._genomes.append((genome, bytearray(digest), dictionary, bytearray(packed)))
        self._history.append((individual, genome, cycle))

    def write(self) -> None:
        """What was put, at the end of a transaction."""
        insert(self._connection, "INSERT INTO genomes", self._genomes)
        insert(self._connection, "INSERT INTO genome_history", self._history)
        self._genomes, self._history = [], []

    def of(self, individual: int, born: bool = False) -> bytes | None:
        """The genome that it has, or was born with; None when none is kept."""
        order = "ASC" if born else "DESC"
        row = self._connection.execute(
            "SELECT g.dictionary, g.zstd FROM genome_history h "
            "JOIN genomes g ON g.genome = h.genome "
            f"WHERE h.individual = ? ORDER BY h.genome {order} LIMIT 1",
            [individual],
        ).fetchone()
        return None if row is None else self._compression.unpacked(*row)
