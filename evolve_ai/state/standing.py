"""Tells how far the history in a registry goes, and which of two goes on from the other."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HISTORY = "history"  # in the registry: the name of this history, drawn when it was made
_PATIENCE = 30.0


class Relation(Enum):
    """Of a registry to a copy."""

    GOES_ON = "it knows all that the copy knows"
    EMPTY = "it knows no agents, and the copy does"
    BEHIND = "the copy knows what comes after it"
    APART = "neither goes on from the other"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a history goes. `founder` is its first agent; `digests` are by cycle, as asked for.
    In a search, `founder` is the initial program, and the numbers of candidates are its cycles.

    What was never noted (by an older version, or in a registry without agents) is None.
    """

    history: str | None
    seed: str | None
    founder: str | None
    seq: int
    cycle: int
    digests: dict[int, str]

    def in_words(self) -> str:
        return f"cycle {self.cycle}, event {self.seq}"


def standing(path: Path, *cycles: int) -> Standing:
    """Of the registry in this file, which is not written. sqlite3.Error for what is none."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    if not path.exists():
        raise sqlite3.OperationalError(f"there is no {path.name}")
    with closing(sqlite3.connect(uri, timeout=_PATIENCE, uri=True)) as connection:
        return standing_of(connection, *cycles)


def standing_of(connection: sqlite3.Connection, *cycles: int) -> Standing:
    """Of an open registry; with the digests of these cycles, of its last one anyway."""

    def one(query: str, *values: object) -> object:
        row = connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def meta(key: str) -> str | None:
        found = one("SELECT value FROM meta WHERE key = ?", key)
        return None if found is None else str(found)

    table, key, founders = ("cycles", "cycle", "agents")
    if _is_search(connection):
        table, key, founders = ("programs", "number", "individuals")
    cycle = int(str(one(f"SELECT max({key}) FROM {table}") or 0))
    digests = {
        asked: str(found)
        for asked in (*cycles, cycle)
        if (found := one(f"SELECT digest FROM {table} WHERE {key} = ?", asked)) is not None
    }
    founder = one(f"SELECT id FROM {founders} WHERE founder ORDER BY number LIMIT 1")
    return Standing(
        meta(HISTORY),
        _seed(connection),
        None if founder is None else str(founder),
        int(str(one("SELECT seq FROM sqlite_sequence WHERE name = 'events'") or 0)),
        cycle,
        digests,
    )


def _is_search(connection: sqlite3.Connection) -> bool:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'programs'").fetchone()
    return bool(there and connection.execute("SELECT 1 FROM programs LIMIT 1").fetchone())


def _seed(connection: sqlite3.Connection) -> str | None:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run_state'").fetchone()
    old = "SELECT value FROM meta WHERE key = 'seed'"  # before version 5
    row = connection.execute("SELECT seed FROM run_state" if there else old).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def relation(registry: Path | sqlite3.Connection, copy: Path) -> Relation:
    """Of a registry to a copy, both whole. sqlite3.Error for a file that is no registry."""
    theirs = standing(copy)
    if isinstance(registry, Path):
        ours = standing(registry, theirs.cycle)
    else:
        ours = standing_of(registry, theirs.cycle)
    if theirs.founder is None:
        return Relation.GOES_ON
    if ours.founder is None:
        return Relation.EMPTY
    if _differ(ours, theirs):
        return Relation.APART
    if ours.seq >= theirs.seq and ours.cycle >= theirs.cycle:
        same = ours.digests.get(theirs.cycle) == theirs.digests.get(theirs.cycle)
        return Relation.GOES_ON if same else Relation.APART
    if theirs.seq >= ours.seq and theirs.cycle >= ours.cycle:
        before = standing(copy, ours.cycle).digests.get(ours.cycle)
        return Relation.BEHIND if before == ours.digests.get(ours.cycle) else Relation.APART
    return Relation.APART


def _differ(ours: Standing, theirs: Standing) -> bool:
    """Are they of two populations? Of what one of them never noted nothing is known."""
    pairs = (
        (ours.history, theirs.history),
        (ours.seed, theirs.seed),
        (ours.founder, theirs.founder),
    )
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)
