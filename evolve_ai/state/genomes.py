"""Keeps genomes: each compressed against another one that is like it, and by whom it was had when.

Two genomes of a pool differ in a few bytes, so that a few hundred of some thousand are stored.
The source of the method: zstd's dictionaries of raw content (facebook.github.io/zstd).
"""

import hashlib
import sqlite3

from zstandard import (
    DICT_TYPE_RAWCONTENT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

from evolve_ai.state.inserts import insert

_LEVEL = -1  # 2 % more than level 3 stores, in half of its time
# Of a genome's size: stored in more, it is so unlike the others that it is one to compress against.
_UNLIKE = 0.5


class Genomes:
    """Of one registry. A transaction is its caller's; after a rollback say `forget`."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        self._genomes: list[tuple[int, bytearray, int, bytearray]] = []
        self._history: list[tuple[int, int, int]] = []
        self._newest: tuple[int, ZstdCompressor] | None = None
        self._next: int | None = None  # number of the next genome
        self._decompressors: dict[int, ZstdDecompressor] = {}

    def put(self, individual: int, cycle: int, data: bytes) -> None:
        """Note that this individual has this genome from this cycle on."""
        if self._next is None:
            query = "SELECT coalesce(max(genome), 0) + 1 FROM genomes"
            self._next = int(self._connection.execute(query).fetchone()[0])
        genome, self._next = self._next, self._next + 1
        digest, (dictionary, packed) = hashlib.sha256(data).digest(), self._packed(data)
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
        return None if row is None else self._unpacked(*row)

    def _packed(self, data: bytes) -> tuple[int, bytes]:
        """(dictionary, bytes)"""
        if self._newest is None:
            self._newest = self._read_newest()
        if self._newest is not None:
            dictionary, compressor = self._newest
            packed = compressor.compress(data)
            if len(packed) <= len(data) * _UNLIKE:
                return dictionary, packed
        dictionary, compressor = self._newest = self._begin(data)
        return dictionary, compressor.compress(data)

    def _read_newest(self) -> tuple[int, ZstdCompressor] | None:
        row = self._connection.execute(
            "SELECT dictionary, content FROM genome_dictionaries ORDER BY dictionary DESC LIMIT 1"
        ).fetchone()
        return None if row is None else (row[0], _compressor(_plain(row[1])))

    def _begin(self, content: bytes) -> tuple[int, ZstdCompressor]:
        """A dictionary for the genomes to come."""
        packed = ZstdCompressor(level=_LEVEL).compress(content)
        query = "INSERT INTO genome_dictionaries (content) VALUES (?)"
        return int(self._connection.execute(query, [packed]).lastrowid or 0), _compressor(content)

    def _unpacked(self, dictionary: int, packed: bytes) -> bytes:
        """sqlite3.DatabaseError for bytes that are no genome: the file is damaged."""
        try:
            return self._decompressor(dictionary).decompress(packed)
        except ZstdError as error:
            raise sqlite3.DatabaseError(f"a genome cannot be read: {error}") from error

    def _decompressor(self, dictionary: int) -> ZstdDecompressor:
        if dictionary not in self._decompressors:
            query = "SELECT content FROM genome_dictionaries WHERE dictionary = ?"
            row = self._connection.execute(query, [dictionary]).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"genome dictionary {dictionary} is missing")
            known = _dictionary(_plain(row[0]))
            self._decompressors[dictionary] = ZstdDecompressor(dict_data=known)
        return self._decompressors[dictionary]


def _plain(packed: bytes) -> bytes:
    return ZstdDecompressor().decompress(packed)


def _dictionary(content: bytes) -> ZstdCompressionDict:
    return ZstdCompressionDict(content, dict_type=DICT_TYPE_RAWCONTENT)


def _compressor(content: bytes) -> ZstdCompressor:
    known = _dictionary(content)
    known.precompute_compress(level=_LEVEL)
    return ZstdCompressor(level=_LEVEL, dict_data=known)
