"""Reads a registry: agents, events, cycles, the run state. Comes up fast: reports use it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from json import loads
from pathlib import Path
from typing import Any, Self

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.cycle import Cycle
from evolve_ai.model.errors import UnknownAgentError
from evolve_ai.model.event import Event, Kind, Recorded
from evolve_ai.state import rows
from evolve_ai.state.open_reader import OpenReader
from evolve_ai.state.opening import connected, how_to_look, version_of
from evolve_ai.state.schema import OLDER
from evolve_ai.state.traces import emptied, missing

_ID = re.compile(r"[0-9a-f-]+")
_PAGE = 1000  # events read at once
_EVENT = (
    "SELECT e.seq, e.ts, e.run, e.cycle, e.event, coalesce(i.id, e.agent), e.data "
    "FROM events e LEFT JOIN individuals i ON i.number = e.agent"
)


class Reader(OpenReader):
    """What is asked of the registry of a population."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open for reading, also beside a writer, and where nothing can be written."""
        if not path.exists():
            raise missing(path)
        with connected(path, how_to_look(path)) as connection:
            version = version_of(connection, path)
            if not version:
                raise missing(path)
            if version in OLDER:  # rare, and much that no report needs
                upgrades = import_module("evolve_ai.state.upgrades")
                connection = upgrades.in_memory(connection, version)
            connection.execute("PRAGMA query_only = ON")
            if emptied(connection, path):
                raise missing(path)
        return cls(connection, path)

    # Agents.

    def living(self) -> dict[str, AgentRecord]:
        """All agents but the dead, by place."""
        found = self._all(f"{rows.SELECT_LIVING} ORDER BY l.place")
        return {record.id: record for record in map(rows.record_of, found)}

    def rows(self, columns: Sequence[str], dead: bool = False) -> list[Sequence[Any]]:
        """These columns of the living by place, or of the dead by number; lists are JSON. For
        reports, which need a few of each of many agents."""
        order = "l.number" if dead else "l.place"
        return self._all(f"{rows.select(columns, dead)} ORDER BY {order}")

    def deaths(self) -> dict[str, int]:
        """How many have died, by cause."""
        query = "SELECT cause, count FROM deaths ORDER BY cause"
        return {str(cause): int(count) for cause, count in self._all(query)}

    def founders_fitness(self) -> tuple[int, float | None, float | None]:
        """How many founders there were; the best and the mean of their fitness."""
        query = (
            "SELECT count(*), max(coalesce(l.fitness, p.fitness)), "
            "avg(coalesce(l.fitness, p.fitness)) FROM individuals i "
            "LEFT JOIN lives l ON l.number = i.number "
            "LEFT JOIN past_lives p ON p.number = i.number WHERE i.founder"
        )
        count, best, mean = self._all(query)[0]
        return int(count), best, mean

    def founders(self) -> list[AgentRecord]:
        return sorted(self._records("WHERE i.founder"), key=lambda record: record.number)

    def dead(self) -> list[AgentRecord]:
        return list(map(rows.record_of, self._all(f"{rows.SELECT_DEAD} ORDER BY l.number")))

    def agent(self, prefix: str) -> AgentRecord:
        """The agent whose id begins with this; UnknownAgentError when none or several do."""
        begin = prefix.lower()
        known = _ID.fullmatch(begin) is not None
        which = (
            "WHERE i.number IN (SELECT number FROM individuals WHERE id BETWEEN ? AND ? || '~' "
            "ORDER BY id LIMIT 3)"
        )
        found = list(self._records(which, [begin, begin])) if known else []
        found.sort(key=lambda record: record.id)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnknownAgentError(f"no agent's id begins with {prefix!r}", todo="evolve agents")
        ids = ", ".join(record.id[:13] for record in found)
        raise UnknownAgentError(
            f"several agents' ids begin with {prefix!r}: {ids} …", todo="give more of the id"
        )

    def alive(self, prefix: str) -> AgentRecord:
        """The living agent whose id begins with this; UnknownAgentError for a dead one, too."""
        record = self.agent(prefix)
        if not record.alive:
            raise UnknownAgentError(
                f"agent {record.id} died in cycle {record.died_cycle} ({record.cause}), and its "
                "folder is gone",
                todo=f"what is known of it: evolve show {record.id[:13]}",
            )
        return record

    def children(self, agent: str) -> list[str]:
        query = (
            "SELECT c.id FROM lineage x CROSS JOIN individuals c ON c.number = x.child "
            "WHERE x.parent = ? GROUP BY c.number ORDER BY c.number"
        )
        return [str(row[0]) for row in self._all(query, [self.number_of(agent)])]

    def count(self, state: str) -> int:
        if state == State.DEAD:
            return sum(self.deaths().values())
        row = self._one("SELECT count(*) FROM lives WHERE state = ?", [state])
        return int(row[0]) if row else 0

    def knows(self, agent: str) -> bool:
        return self.number_of(agent) is not None

    def number_of(self, agent: str) -> int | None:
        row = self._one("SELECT number FROM individuals WHERE id = ?", [agent])
        return None if row is None else int(row[0])

    def memories(self) -> dict[str, bytes]:
        query = (
            "SELECT i.id, m.memory FROM memories m CROSS JOIN individuals i ON i.number = m.number"
        )
        return {str(agent): bytes(memory) for agent, memory in self._all(query)}

    # Events and cycles.

    def events_after(self, seq: int) -> Iterator[Recorded]:
        query = f"{_EVENT} WHERE e.seq > ? ORDER BY e.seq LIMIT ?"
        while found := self._all(query, [seq, _PAGE]):
            yield from map(_recorded, found)
            seq = found[-1][0]

    def events_of(self, agent: str, limit: int = 50) -> list[Recorded]:
        query = f"{_EVENT} WHERE e.agent = ? ORDER BY e.seq DESC LIMIT ?"
        number = self.number_of(agent)
        about = agent if number is None else number
        return [_recorded(row) for row in reversed(self._all(query, [about, limit]))]

    def last_cycle(self) -> Cycle | None:
        row = self._one(f"{rows.SELECT_CYCLE} ORDER BY cycle DESC LIMIT 1")
        return None if row is None else rows.cycle_of(row)

    @property
    def cycle(self) -> int:
        """The number of the last cycle on record; 0 before there was one."""
        row = self._one("SELECT max(cycle) FROM cycles")
        return int(row[0] or 0) if row else 0

    def check(self) -> str:
        """SQLite's own verdict on the file: "ok" or what is broken."""
        row = self._one("PRAGMA quick_check")
        return str(row[0]) if row else "no answer"

    def _records(self, rest: str, values: Iterable[Any] = ()) -> Iterator[AgentRecord]:
        for query in rows.SELECT_BY_INDIVIDUAL:
            yield from map(rows.record_of, self._all(f"{query} {rest}", values))


def _recorded(row: Sequence[Any]) -> Recorded:
    seq, ts, run, cycle, kind, agent, data = row
    return Recorded(seq, ts, run, Event(Kind(kind), cycle, agent, loads(data)))
