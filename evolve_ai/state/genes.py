"""Keeps which genes are active in the living, and how many of them carry each, by cycle."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import itemgetter

import msgspec

from evolve_ai.state.inserts import insert

Gene = tuple[str, str]  # file, function
_FILES = 10_000  # of which is remembered what is active in them
_at = itemgetter(1, 2)  # gene and cycle


class Genes:
    """Of one registry. A transaction is its caller's; after a rollback say `forget`."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        self._in_files: dict[bytes, tuple[int, ...]] = {}  # active genes, by file as it is written
        self._active: dict[int, frozenset[int]] = {}  # by individual, of the living
        self._new: list[tuple[int, int, int]] = []  # individual, gene, cycle
        self._gone: list[tuple[int, int, int]] = []
        self._buried: list[tuple[int]] = []

    def note(self, individual: int, cycle: int, genome: bytes, newborn: bool) -> None:
        """These are the genes that this individual has from this cycle on."""
        now = self._numbers_of(genome)
        before: frozenset[int] = frozenset() if newborn else self._of(individual)
        self._new += [(individual, gene, cycle) for gene in now - before]
        self._gone += [(individual, gene, cycle) for gene in before - now]
        self._active[individual] = now

    def bury(self, individual: int, cycle: int) -> None:
        self._gone += [(individual, gene, cycle) for gene in self._of(individual)]
        self._buried.append((individual,))
        self._active.pop(individual, None)

    def write(self) -> None:
        """At the end of a transaction; what an individual gained and lost in it, in that order."""
        run = self._connection.executemany
        insert(self._connection, "INSERT OR REPLACE INTO genes", self._new)
        dead = {individual for (individual,) in self._buried}
        lost = ((one, gene) for one, gene, _ in self._gone if one not in dead)
        run("DELETE FROM genes WHERE individual = ? AND gene = ?", lost)
        run("DELETE FROM genes WHERE individual = ?", self._buried)
        gained, gone = Counter(map(_at, self._new)), Counter(map(_at, self._gone))
        run(
            "INSERT INTO gene_changes VALUES (?, ?, ?, ?) ON CONFLICT (gene, cycle) DO UPDATE "
            "SET gained = gained + excluded.gained, lost = lost + excluded.lost",
            ((*at, gained[at], gone[at]) for at in gained.keys() | gone.keys()),
        )
        self._new, self._gone, self._buried = [], [], []

    def _of(self, individual: int) -> frozenset[int]:
        if individual not in self._active:
            query = "SELECT gene FROM genes WHERE individual = ?"
            found = self._connection.execute(query, [individual])
            self._active[individual] = frozenset(row[0] for row in found)
        return self._active[individual]

    def _numbers_of(self, genome: bytes) -> frozenset[int]:
        known, found = self._in_files, list[int]()
        if len(known) > _FILES:
            known.clear()
        for file in _files_of(genome):
            if file not in known:
                known[file] = tuple(map(self._number, _active_in_file(file)))
            found += known[file]
        return frozenset(found)

    def _number(self, gene: Gene) -> int:
        self._connection.execute(
            "INSERT INTO gene_names (file, function) VALUES (?, ?) ON CONFLICT DO NOTHING", gene
        )
        query = "SELECT gene FROM gene_names WHERE file = ? AND function = ?"
        return int(self._connection.execute(query, gene).fetchone()[0])


# None of these can be part of a cycle: the garbage collector need not follow them.
class _File(msgspec.Struct, gc=False):
    path: str
    active: bool
    functions: list[tuple[str, bool]]


class _Genome(msgspec.Struct, gc=False):
    files: list[msgspec.Raw]


_genome = msgspec.msgpack.Decoder(_Genome)
_file = msgspec.msgpack.Decoder(_File)


def _files_of(genome: bytes) -> Iterable[bytes]:
    try:
        return map(bytes, _genome.decode(genome).files)
    except (msgspec.DecodeError, RecursionError):
        return ()


def _active_in_file(data: bytes) -> Iterator[Gene]:
    try:
        file = _file.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return
    if file.active:
        yield from ((file.path, name) for name, active in file.functions if active)
