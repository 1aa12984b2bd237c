"""Owns the registry: one SQLite file (WAL) with one writer; state and events commit together."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.errors import RegistryError, UnknownAgentError
from evolve_ai.model.event import Event, Kind, Recorded
from evolve_ai.state import schema
from evolve_ai.state.opening import (
    connected,
    file_of,
    how_to_look,
    make,
    prepare,
    told,
    update,
    version_of,
)
from evolve_ai.state.traces import emptied, missing

_ID = re.compile(r"[0-9a-f-]+")
_PAGE = 1000  # events read at once


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes: all of it, or none."""

    records: Sequence[AgentRecord] = ()
    genomes: Mapping[str, bytes] = field(default_factory=dict)
    memories: Mapping[str, bytes | None] = field(default_factory=dict)  # None forgets
    meta: Mapping[str, str | None] = field(default_factory=dict)  # None forgets
    events: Sequence[Event] = ()
    cycle: tuple[int, str, Mapping[str, Any]] | None = None  # number, digest, summary


class Registry:
    """The memory of a population. Open with `create` to write, with `read` to look."""

    def __init__(self, connection: sqlite3.Connection, path: Path, columns: str = schema.COLUMNS):
        self._connection = connection
        self._columns = columns
        self._file = file_of(path)
        self.path = path

    @classmethod
    def create(cls, path: Path) -> "Registry":
        """Open for writing; made when it is not there, brought up to date when it is old."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make(path)
        with connected(path) as connection:
            prepare(connection)
            update(connection, path)
        return cls(connection, path)

    @classmethod
    def read(cls, path: Path) -> "Registry":
        """Open for reading, also beside a writer, and where nothing can be written."""
        if not path.exists():
            raise missing(path)
        with connected(path, how_to_look(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            version = version_of(connection, path)
            if not version or emptied(connection, path):
                raise missing(path)
        return cls(connection, path, schema.OLD_COLUMNS.get(version, schema.COLUMNS))

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For copies of it."""
        return self._connection

    @property
    def in_place(self) -> bool:
        """Is the file that is open the one that stands under its name? It may have been removed."""
        return self._file is not None and file_of(self.path) == self._file

    def move_in(self, draft: Path) -> None:
        """Go on with this file, which is put in place; what was open is closed before."""
        self._connection.close()
        draft.replace(self.path)
        with connected(self.path) as connection:
            prepare(connection)
        self._connection, self._file = connection, file_of(self.path)

    # Writing.

    def commit(self, batch: Batch, run: str) -> tuple[Recorded, ...]:
        """Write a batch in one transaction; the events come back with their numbers."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        connection = self._connection
        with told(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._count_deaths(record for record in batch.records if not record.alive)
                connection.executemany(schema.UPSERT, map(schema.row_of, batch.records))
                self._write_genomes(batch.genomes)
                self._write_memories(batch.memories)
                self._write_meta(batch.meta)
                recorded = self._append(batch.events, run, now)
                if batch.cycle is not None:
                    number, digest, summary = batch.cycle
                    connection.execute(
                        "INSERT OR REPLACE INTO cycles VALUES (?, ?, ?)",
                        [number, digest, json.dumps(summary)],
                    )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise
        return recorded

    def _count_deaths(self, dead: Iterable[AgentRecord]) -> None:
        """Before they are written: who was dead before has been counted."""
        for record in dead:
            was = self._connection.execute("SELECT state FROM agents WHERE id = ?", [record.id])
            if (was.fetchone() or [None])[0] != State.DEAD:
                self._connection.execute(
                    "INSERT INTO deaths VALUES (?, 1) "
                    "ON CONFLICT (cause) DO UPDATE SET count = count + 1",
                    [str(record.cause)],
                )

    def _write_genomes(self, genomes: Mapping[str, bytes]) -> None:
        self._connection.executemany(
            "INSERT INTO genomes VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET current = excluded.current",
            ((agent, data, data) for agent, data in genomes.items()),
        )

    def _write_memories(self, memories: Mapping[str, bytes | None]) -> None:
        for agent, memory in memories.items():
            if memory is None:
                self._connection.execute("DELETE FROM memories WHERE id = ?", [agent])
            else:
                self._connection.execute(
                    "INSERT OR REPLACE INTO memories VALUES (?, ?)", [agent, memory]
                )

    def _write_meta(self, meta: Mapping[str, str | None]) -> None:
        for key, value in meta.items():
            if value is None:
                self._connection.execute("DELETE FROM meta WHERE key = ?", [key])
            else:
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    def _append(self, events: Sequence[Event], run: str, now: str) -> tuple[Recorded, ...]:
        recorded = []
        for event in events:
            cursor = self._connection.execute(
                "INSERT INTO events (ts, run, cycle, event, agent, data) VALUES (?, ?, ?, ?, ?, ?)",
                [now, run, event.cycle, event.kind, event.agent, json.dumps(event.data)],
            )
            recorded.append(Recorded(int(cursor.lastrowid or 0), now, run, event))
        return tuple(recorded)

    def skip_events(self, seq: int) -> None:
        """Number the events to come from the one after `seq` on, if they would not be anyway."""
        with told(self.path):
            self._connection.execute(  # before its first event a table has no row there
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 "
                "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')"
            )
            self._connection.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'", [seq]
            )

    def forget_events(self, keep: int) -> None:
        """Drop all but the newest `keep` events; they stand in the rotated log files."""
        with told(self.path):
            self._connection.execute(
                "DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?", [keep]
            )

    # Reading.

    def meta(self, key: str) -> str | None:
        row = self._one("SELECT value FROM meta WHERE key = ?", [key])
        return None if row is None else str(row[0])

    def living(self) -> dict[str, AgentRecord]:
        """All agents but the dead, by place."""
        found = self._records(f"WHERE {schema.LIVING} ORDER BY place")
        return {record.id: record for record in found}

    def rows(self, columns: Sequence[str], dead: bool = False) -> list[Sequence[Any]]:
        """These columns of the living by place, or of the dead by number, as they are stored:
        for reports, which need a few of each of many agents."""
        which = "state = 'dead' ORDER BY number" if dead else f"{schema.LIVING} ORDER BY place"
        them = f"SELECT {self._columns} FROM agents WHERE {which}"
        return self._all(f"SELECT {', '.join(columns)} FROM ({them})")

    def deaths(self) -> dict[str, int]:
        """How many have died, by cause."""
        there = self._one("SELECT 1 FROM sqlite_master WHERE name = 'deaths'")
        query = "SELECT cause, count FROM deaths ORDER BY cause" if there else schema.COUNT_DEATHS
        return {str(cause): int(count) for cause, count in self._all(query)}

    def founders_fitness(self) -> tuple[int, float | None, float | None]:
        """How many founders there were; the best and the mean of their fitness."""
        query = "SELECT count(*), max(fitness), avg(fitness) FROM agents WHERE founder"
        count, best, mean = self._all(query)[0]
        return int(count), best, mean

    def founders(self) -> list[AgentRecord]:
        return list(self._records("WHERE founder ORDER BY number"))

    def agent(self, prefix: str) -> AgentRecord:
        """The agent whose id begins with this; UnknownAgentError when none or several do."""
        begin = prefix.lower()
        known = _ID.fullmatch(begin) is not None
        which = "WHERE id BETWEEN ? AND ? || '~' LIMIT 3"
        found = list(self._records(which, [begin, begin])) if known else []
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnknownAgentError(f"no agent's id begins with {prefix!r}", todo="evolve agents")
        ids = ", ".join(record.id[:13] for record in found)
        raise UnknownAgentError(
            f"several agents' ids begin with {prefix!r}: {ids} …", todo="give more of the id"
        )

    def genome(self, agent: str, born: bool = False) -> bytes:
        column = "born" if born else "current"
        row = self._one(f"SELECT {column} FROM genomes WHERE id = ?", [agent])
        if row is None:
            raise RegistryError(f"no genome of agent {agent}", where=self.path)
        return bytes(row[0])

    def memories(self) -> dict[str, bytes]:
        return {agent: bytes(memory) for agent, memory in self._all("SELECT * FROM memories")}

    def count(self, state: str) -> int:
        row = self._one("SELECT count(*) FROM agents WHERE state = ?", [state])
        return int(row[0]) if row else 0

    def knows(self, agent: str) -> bool:
        return self._one("SELECT 1 FROM agents WHERE id = ?", [agent]) is not None

    def events_after(self, seq: int) -> Iterator[Recorded]:
        query = (
            "SELECT seq, ts, run, cycle, event, agent, data FROM events "
            "WHERE seq > ? ORDER BY seq LIMIT ?"
        )
        while rows := self._all(query, [seq, _PAGE]):
            yield from map(_recorded, rows)
            seq = rows[-1][0]

    def last_seq(self) -> int:
        """The number of the last event ever recorded here, 0 if there was none."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return int(row[0]) if row else 0

    def events_of(self, agent: str, limit: int = 50) -> list[Recorded]:
        rows = self._all(
            "SELECT seq, ts, run, cycle, event, agent, data FROM events "
            "WHERE agent = ? ORDER BY seq DESC LIMIT ?",
            [agent, limit],
        )
        return [_recorded(row) for row in reversed(list(rows))]

    def last_cycle(self) -> tuple[int, str, dict[str, Any]] | None:
        row = self._one("SELECT cycle, digest, summary FROM cycles ORDER BY cycle DESC LIMIT 1")
        return None if row is None else (int(row[0]), str(row[1]), json.loads(row[2]))

    def children(self, agent: str) -> list[str]:
        rows = self._all(
            "SELECT id FROM agents WHERE parents LIKE ? ORDER BY number", [f'%"{agent}"%']
        )
        return [str(row[0]) for row in rows]

    def dead(self) -> list[AgentRecord]:
        return list(self._records("WHERE state = 'dead' ORDER BY number"))

    def check(self) -> str:
        """SQLite's own verdict on the file: "ok" or what is broken."""
        row = self._one("PRAGMA quick_check")
        return str(row[0]) if row else "no answer"

    def _records(self, rest: str, values: Iterable[Any] = ()) -> Iterator[AgentRecord]:
        for row in self._all(f"SELECT {self._columns} FROM agents {rest}", values):
            yield schema.record_of(row)

    def _one(self, query: str, values: Iterable[Any] = ()) -> Sequence[Any] | None:
        with told(self.path):
            row: Sequence[Any] | None = self._connection.execute(query, tuple(values)).fetchone()
            return row

    def _all(self, query: str, values: Iterable[Any] = ()) -> list[Sequence[Any]]:
        with told(self.path):
            return self._connection.execute(query, tuple(values)).fetchall()


def _recorded(row: Sequence[Any]) -> Recorded:
    seq, ts, run, cycle, kind, agent, data = row
    return Recorded(seq, ts, run, Event(Kind(kind), cycle, agent, json.loads(data)))
