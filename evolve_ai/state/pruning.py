"""Forgets of the dead what the settings do not ask to keep; of nobody who is needed.

Founders sit every exam, champions and ancestors of the living are the story of who lives.
"""

import sqlite3
from typing import TYPE_CHECKING

from evolve_ai.model.pruning import Pruned

if TYPE_CHECKING:  # reports load this, too, and come up without pydantic
    from evolve_ai.model.history_settings import HistorySettings

_NEEDED = """
CREATE TEMP TABLE needed AS
WITH RECURSIVE kept (number) AS (
    SELECT number FROM lives
    UNION SELECT number FROM individuals WHERE founder
    UNION SELECT i.number FROM cycles c JOIN individuals i ON i.id = c.champion
    UNION SELECT x.parent FROM lineage x JOIN kept k ON x.child = k.number
    WHERE x.parent IS NOT NULL
) SELECT number FROM kept
"""
_GONE = "SELECT number FROM past_lives WHERE died_cycle > ? AND died_cycle <= ?"
_NOT_NEEDED = "number NOT IN (SELECT number FROM needed)"
_GENOMES = (
    "DELETE FROM genomes WHERE genome IN (SELECT genome FROM genome_history h "
    "JOIN forgotten f ON f.number = h.individual)",
    "DELETE FROM genome_history WHERE individual IN (SELECT number FROM forgotten)",
)
# A child keeps the id of a parent that is known no more.
_AGENTS = (
    "UPDATE lineage SET parent_id = (SELECT id FROM individuals WHERE number = parent), "
    "parent = NULL WHERE parent IN (SELECT number FROM forgotten)",
    "DELETE FROM lineage WHERE child IN (SELECT number FROM forgotten)",
    "DELETE FROM events WHERE agent IN (SELECT number FROM forgotten)",
    "DELETE FROM past_lives WHERE number IN (SELECT number FROM forgotten)",
    "DELETE FROM individuals WHERE number IN (SELECT number FROM forgotten)",
)


def prune(
    connection: sqlite3.Connection, keep: "HistorySettings", since: int, cycle: int
) -> Pruned:
    """Of whoever's time ran out after the cycle `since` and up to this one. A transaction is its
    caller's."""
    run = connection.execute
    samples = genomes = agents = 0
    try:
        if keep.genomes or keep.agents:
            run(_NEEDED)
        if keep.samples:
            samples += _samples(connection, _GONE, since - keep.samples, cycle - keep.samples)
        if keep.genomes:
            _forget(connection, since - keep.genomes, cycle - keep.genomes)
            genomes += _run(connection, *_GENOMES)[0]
        if keep.agents:
            _forget(connection, since - keep.agents, cycle - keep.agents)
            samples += _samples(connection, "SELECT number FROM forgotten")
            genomes += _run(connection, *_GENOMES)[0]
            agents += _run(connection, *_AGENTS)[-1]
    finally:
        for table in ("forgotten", "needed"):
            run(f"DROP TABLE IF EXISTS temp.{table}")
    return Pruned(agents, genomes, samples)


def _forget(connection: sqlite3.Connection, after: int, until: int) -> None:
    """Name the dead of these cycles who are not needed."""
    connection.execute("DROP TABLE IF EXISTS temp.forgotten")
    connection.execute("CREATE TEMP TABLE forgotten (number INTEGER PRIMARY KEY)")
    query = f"INSERT INTO forgotten {_GONE} AND {_NOT_NEEDED}"
    connection.execute(query, [after, until])


def _samples(connection: sqlite3.Connection, which: str, *values: int) -> int:
    query = f"DELETE FROM samples WHERE individual IN ({which})"
    return connection.execute(query, values).rowcount


def _run(connection: sqlite3.Connection, *statements: str) -> list[int]:
    """How many rows each of them changed."""
    return [connection.execute(statement).rowcount for statement in statements]
