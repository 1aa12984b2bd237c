"""Writes agents: who is new, who changed, who died; of the others nothing is touched."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.state.rows import LIFE, PAST, PAST_FIELDS

_encode = msgspec.json.Encoder().encode  # a tenth of the time of json's
_LISTS = tuple(map(list(LIFE).index, ("scores", "evidence", "mutations", "failures")))
_PAST_LISTS = tuple(map(PAST.index, ("scores", "mutations")))
_life = attrgetter(*LIFE.values())
_past = attrgetter(*(PAST_FIELDS[column] for column in PAST))


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_INSERT_INDIVIDUAL = _insert(
    "individuals", ("number", "id", "generation", "founder", "born_cycle", "operators")
)
_INSERT_LIFE = _insert("lives", tuple(LIFE))
_INSERT_PAST = _insert("past_lives", PAST)
_SETS = ", ".join(f"{name} = ?" for name in list(LIFE)[:-1])
_UPDATE_LIFE = f"UPDATE lives SET {_SETS} WHERE number = ?"


class Agents:
    """Of one registry. A transaction is its caller's, who says `settle` after it, and `forget` if
    it was rolled back.

    The living are written in place, few pages for all of them; who dies moves to another table,
    that only grows.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        self._written: dict[int, str] = {}  # ids of the living who stand in the tables, by number
        self._numbers: dict[str, int] = {}  # theirs, by id; and those of who has just died
        self._dead: list[AgentRecord] = []

    def settle(self) -> None:
        for record in self._dead:
            self._numbers.pop(record.id, None)
        self._dead = []

    def write(self, records: Sequence[AgentRecord]) -> tuple[set[int], Sequence[AgentRecord]]:
        """The numbers of who is new, and who has died since it was written last."""
        self._read([one.number for one in records if one.number not in self._written])
        for record in records:
            if self._written.get(record.number, record.id) != record.id:
                raise sqlite3.IntegrityError(f"number {record.number} is another agent's")
        born = [record for record in records if record.number not in self._written]
        living = [record for record in records if record.state is not State.DEAD]
        dead = [one for one in records if not one.alive and not self._was_dead(one)]
        self._numbers |= {record.id: record.number for record in records}
        self._add(born)
        self._bury(dead)
        known = [record for record in living if record.number in self._written]
        self._connection.executemany(_UPDATE_LIFE, map(_life_of, known))
        self._written |= {record.number: record.id for record in living}
        self._dead += dead
        return {record.number for record in born}, dead

    def number_of(self, agent: str) -> int | None:
        if agent in self._numbers:
            return self._numbers[agent]
        row = self._one("SELECT number FROM individuals WHERE id = ?", agent)
        return None if row is None else int(row[0])

    def _read(self, numbers: Iterable[int]) -> None:
        """Who was written before this registry was opened."""
        for number in numbers:
            row = self._one(
                "SELECT i.id FROM lives l JOIN individuals i ON i.number = l.number "
                "WHERE l.number = ?",
                number,
            )
            if row is not None:
                self._written[number] = row[0]

    def _was_dead(self, record: AgentRecord) -> bool:
        if record.number in self._written:
            return False
        return self._one("SELECT 1 FROM past_lives WHERE number = ?", record.number) is not None

    def _add(self, born: Sequence[AgentRecord]) -> None:
        born = [one for one in born if one.alive or not self._was_dead(one)]
        run = self._connection.executemany
        run(_INSERT_INDIVIDUAL, map(_individual_of, born))
        run(_INSERT_LIFE, (_life_of(one) for one in born if one.alive))
        run("INSERT INTO lineage VALUES (?, ?, ?, ?)", self._lineage(born))

    def _lineage(
        self, born: Iterable[AgentRecord]
    ) -> Iterable[tuple[int, int, int | None, str | None]]:
        """A parent that is not known here (of an imported agent) is told by its id."""
        for record in born:
            for nth, parent in enumerate(record.parents):
                number = self.number_of(parent)
                yield record.number, nth, number, parent if number is None else None

    def _bury(self, dead: Sequence[AgentRecord]) -> None:
        run = self._connection.executemany
        run("DELETE FROM lives WHERE number = ?", ((record.number,) for record in dead))
        run(_INSERT_PAST, map(_past_of, dead))
        for record in dead:
            self._written.pop(record.number, None)

    def _one(self, query: str, value: Any) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._connection.execute(query, (value,)).fetchone()
        return row


def _individual_of(record: AgentRecord) -> tuple[Any, ...]:
    """What it is born with, and never changes."""
    return (
        record.number,
        record.id,
        record.generation,
        record.founder,
        record.born_cycle,
        _json(record.operators),
    )


def _life_of(record: AgentRecord) -> tuple[Any, ...]:
    """About 5 µs: a cycle writes all of them, and nobody is looked after meanwhile."""
    row = list(_life(record))
    for at in _LISTS:
        row[at] = _json(row[at]) if row[at] else "[]"
    return tuple(row)


def _past_of(record: AgentRecord) -> tuple[Any, ...]:
    row = list(_past(record))
    for at in _PAST_LISTS:
        row[at] = _json(row[at])
    return tuple(row)


def _json(values: Sequence[Any]) -> str:
    """Of what may hold infinities: these become null in msgspec's."""
    data = _encode(values)
    return json.dumps(values) if b"null" in data else data.decode()
