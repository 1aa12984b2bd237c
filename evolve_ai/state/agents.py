"""Writes agents: who is new, who changed, who died; of the others nothing is touched."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import add, attrgetter
from typing import Any

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.state.inserts import insert
from evolve_ai.state.rows import BIRTH, LIFE, LISTS, PAST
from evolve_ai.state.texts import exact_texts

# Columns that hold null as a rule, and what is given for it, of another type than any value of
# theirs. Python's sqlite3 asks None, and all that is no plain number or text, for another form of
# it, which takes as long as eight numbers.
_NULLS: Mapping[str, str | int] = {
    "fitness": "", "pid": "", "retry_at": "", "started_at": "", "cause": 0, "reason": 0,
}  # fmt: skip
_Values = Iterable[Any]


class _Columns:
    """Writes these fields of agents, by the columns they stand in; their number comes first.

    A cycle writes all of the living, and nobody is looked after meanwhile. So this goes column by
    column, and for none of them through a function of ours row by row.
    """

    def __init__(self, fields: Mapping[str, str]):
        special = [name for name in fields if name in LISTS or name in _NULLS or name == "state"]
        plain = [name for name in fields if name not in ("number", *special)]
        self._plain = attrgetter("number", *(fields[name] for name in plain))
        self._special = [(attrgetter(fields[name]), _form(name)) for name in special]
        self._names = ("number", *plain, *special)
        self._places = [
            f"nullif(?{at}, {_NULLS[name]!r})" if name in _NULLS else f"?{at}"
            for at, name in enumerate(self._names, 1)
        ]

    def insert(self, table: str) -> str:
        return f"INSERT INTO {table} ({', '.join(self._names)}) VALUES ({', '.join(self._places)})"

    def update(self, table: str) -> str:
        number, *sets = map(" = ".join, zip(self._names, self._places, strict=True))
        return f"UPDATE {table} SET {', '.join(sets)} WHERE {number}"

    def rows(self, records: Collection[AgentRecord]) -> Iterator[tuple[Any, ...]]:
        special = (form(map(of, records)) for of, form in self._special)
        return map(add, map(self._plain, records), zip(*special, strict=True))


def _form(name: str) -> Callable[[_Values], _Values]:
    """What makes the values of this column of those of its field."""
    if name in LISTS:
        return exact_texts
    if name in _NULLS:
        null = _NULLS[name]
        return lambda values: [null if value is None else value for value in values]
    return lambda values: map(str, values)


_BIRTH, _LIFE, _PAST = map(_Columns, (BIRTH, LIFE, PAST))
_INSERT_INDIVIDUAL = _BIRTH.insert("individuals")
_INSERT_LIFE, _UPDATE_LIFE = _LIFE.insert("lives"), _LIFE.update("lives")
_INSERT_PAST = _PAST.insert("past_lives")
_THE_LIVING = """
SELECT l.number, i.id FROM json_each(?) j CROSS JOIN lives l ON l.number = j.value
JOIN individuals i ON i.number = l.number
"""
_THE_DEAD = """
SELECT l.number, '' FROM json_each(?) j CROSS JOIN past_lives l ON l.number = j.value
"""


class Agents:
    """Of one registry. A transaction is its caller's, who says `settle` after it, and `forget` if
    it was rolled back; `number_of` reads from the tables.

    The living are written in place, few pages for all of them; who dies moves to another table,
    that only grows.
    """

    def __init__(self, connection: sqlite3.Connection, number_of: Callable[[str], int | None]):
        self._connection = connection
        self._read_number = number_of
        self.forget()

    def forget(self) -> None:
        self._written: dict[int, str] = {}  # ids of the living who stand in the tables, by number
        self._numbers: dict[str, int] = {}  # theirs, by id; and those of who has just died
        self._dead: list[AgentRecord] = []

    def committed(self) -> None:
        for record in self._dead:
            self._numbers.pop(record.id, None)
        self._dead = []

    def write(self, records: Sequence[AgentRecord]) -> tuple[set[int], Sequence[AgentRecord]]:
        """The numbers of who is new, and who has died since it was written last."""
        written = self._written
        unknown = [record for record in records if record.number not in written]
        written |= self._of_those(unknown, _THE_LIVING)
        for record in records:
            if written.get(record.number, record.id) != record.id:
                raise sqlite3.IntegrityError(f"number {record.number} is another agent's")
        gone = self._of_those([one for one in unknown if one.state is State.DEAD], _THE_DEAD)
        records = [one for one in records if one.number not in gone]
        born = [one for one in records if one.number not in written]
        living = {one.number: one for one in records if one.state is not State.DEAD}
        dead = [one for one in records if one.state is State.DEAD]
        self._numbers |= {one.id: one.number for one in records}
        self._add(born)
        self._bury(dead)
        known = [one for number, one in living.items() if number in written]
        self._connection.executemany(_UPDATE_LIFE, _LIFE.rows(known))
        written |= {number: one.id for number, one in living.items()}
        self._dead += dead
        return {one.number for one in born}, dead

    def number_of(self, agent: str) -> int | None:
        known = self._numbers.get(agent)
        return self._read_number(agent) if known is None else known

    def _of_those(self, records: Sequence[AgentRecord], query: str) -> dict[int, str]:
        """Ids by number, of whom this query finds."""
        if not records:
            return {}
        numbers = json.dumps([record.number for record in records])
        return dict(self._connection.execute(query, [numbers]))

    def _add(self, born: Sequence[AgentRecord]) -> None:
        run = self._connection.executemany
        run(_INSERT_INDIVIDUAL, _BIRTH.rows(born))
        run(_INSERT_LIFE, _LIFE.rows([one for one in born if one.state is not State.DEAD]))
        insert(self._connection, "INSERT INTO lineage", self._lineage(born))

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
        run(_INSERT_PAST, _PAST.rows(dead))
        for record in dead:
            self._written.pop(record.number, None)
