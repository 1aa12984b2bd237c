"""Compresses contents against an earlier one that is like them: two genomes of a pool, or two
programs of a search, differ in a few bytes.

The source of the method: zstd's dictionaries of raw content (facebook.github.io/zstd).
"""

import sqlite3

from zstandard import (
    DICT_TYPE_RAWCONTENT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

_LEVEL = -1  # 2 % more than level 3 stores, in half of its time
# Of a content's size: stored in more, it is so unlike the others that it becomes the next to
# compress against.
_UNLIKE = 0.5


class Compression:
    """Of one registry. A transaction is its caller's; after a rollback use a new one."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self._newest: tuple[int, ZstdCompressor] | None = None
        self._decompressors: dict[int, ZstdDecompressor] = {}

    def packed(self, data: bytes) -> tuple[int, bytes]:
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

    def unpacked(self, dictionary: int, packed: bytes) -> bytes:
        """sqlite3.DatabaseError for bytes that are no content: the file is damaged."""
        try:
            return self._decompressor(dictionary).decompress(packed)
        except ZstdError as error:
            raise sqlite3.DatabaseError(f"a content cannot be read: {error}") from error

    def _read_newest(self) -> tuple[int, ZstdCompressor] | None:
        row = self._connection.execute(
            "SELECT dictionary, content FROM genome_dictionaries ORDER BY dictionary DESC LIMIT 1"
        ).fetchone()
        return None if row is None else (row[0], _compressor(plain(row[1])))

    def _begin(self, content: bytes) -> tuple[int, ZstdCompressor]:
        """A dictionary for the contents to come."""
        query = "INSERT INTO genome_dictionaries (content) VALUES (?)"
        cursor = self._connection.execute(query, [squeezed(content)])
        return int(cursor.lastrowid or 0), _compressor(content)

    def _decompressor(self, dictionary: int) -> ZstdDecompressor:
        if dictionary not in self._decompressors:
            query = "SELECT content FROM genome_dictionaries WHERE dictionary = ?"
            row = self._connection.execute(query, [dictionary]).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"genome dictionary {dictionary} is missing")
            known = _dictionary(plain(row[0]))
            self._decompressors[dictionary] = ZstdDecompressor(dict_data=known)
        return self._decompressors[dictionary]


def squeezed(content: bytes) -> bytes:
    """Compressed alone."""
    return ZstdCompressor(level=_LEVEL).compress(content)


def plain(packed: bytes) -> bytes:
    """What `squeezed` compressed. sqlite3.DatabaseError for other bytes: the file is damaged."""
    try:
        return ZstdDecompressor().decompress(packed)
    except ZstdError as error:
        raise sqlite3.DatabaseError(f"a content cannot be read: {error}") from error


def _dictionary(content: bytes) -> ZstdCompressionDict:
    return ZstdCompressionDict(content, dict_type=DICT_TYPE_RAWCONTENT)


def _compressor(content: bytes) -> ZstdCompressor:
    known = _dictionary(content)
    known.precompute_compress(level=_LEVEL)
    return ZstdCompressor(level=_LEVEL, dict_data=known)
