"""The registry: one SQLite file (WAL) with one writer; state and events commit together."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.cycle import Cycle
from evolve_ai.model.errors import RegistryError
from evolve_ai.model.event import Event, Recorded
from evolve_ai.model.pruning import Pruned
from evolve_ai.model.run_state import RunState
from evolve_ai.state import rows
from evolve_ai.state.agents import Agents
from evolve_ai.state.checkpoints import Checkpoints
from evolve_ai.state.genes import Genes
from evolve_ai.state.genomes import Genomes
from evolve_ai.state.inserts import insert
from evolve_ai.state.opening import (
    connected,
    file_of,
    make,
    prepare,
    told,
    transaction,
)
from evolve_ai.state.pruning import prune
from evolve_ai.state.reader import Reader
from evolve_ai.state.texts import texts
from evolve_ai.state.upgrades import update

if TYPE_CHECKING:  # reports open a registry, too, and come up without pydantic
    from evolve_ai.model.history_settings import HistorySettings


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes: all of it, or none. `during` is the cycle in which it happened;
    `samples` are of whom a sample is kept."""

    records: Sequence[AgentRecord] = ()
    genomes: Mapping[str, bytes] = field(default_factory=dict)
    memories: Mapping[str, bytes | None] = field(default_factory=dict)  # None forgets
    state: RunState | None = None  # None: as it was
    events: Sequence[Event] = ()
    cycle: Cycle | None = None
    during: int = 0
    samples: Sequence[AgentRecord] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One that writes a registry: `purpose` is the command, `settings` are those in force (JSON);
    `template` and `data` are SHA-256."""

    run: str
    purpose: str = ""
    settings: str | None = None
    template: str | None = None
    data: str | None = None
    version: str | None = None
    python: str | None = None
    host: str | None = None


class Registry(Reader):
    """The memory of a population. Open with `create` to write, with `read` to look."""

    def __init__(self, connection: sqlite3.Connection, path: Path, writes: bool = False):
        super().__init__(connection, path)
        self._writes = writes
        self._checkpoints: Checkpoints | None = None
        self._bind(connection)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open for writing; made when it is not there, brought up to date when it is old."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make(path)
        with connected(path) as connection:
            prepare(connection)
            update(connection, path)
            registry = cls(connection, path, writes=True)
            registry._checkpoints = Checkpoints(path)
        return registry

    def close(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.close()
        super().close()

    @property
    def in_place(self) -> bool:
        """Is the file that is open the one that stands under its name? It may have been removed."""
        return self._file is not None and file_of(self.path) == self._file

    def move_in(self, draft: Path) -> None:
        """Go on with this file, which is put in place; what was open is closed before."""
        self.close()
        draft.replace(self.path)
        with connected(self.path) as connection:
            prepare(connection)
            self._checkpoints = Checkpoints(self.path)
        self._bind(connection)

    def _bind(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._file = file_of(self.path)
        self._state: RunState | None = None
        self._agents = Agents(connection, super().number_of)
        self._genes, self._genomes = Genes(connection), Genomes(connection)

    def _forget(self) -> None:
        """What is known of the tables: they were rolled back."""
        self._state = None
        for one in (self._agents, self._genomes, self._genes):
            one.forget()

    @property
    def state(self) -> RunState:
        """A reader's is read afresh: another one writes it."""
        if self._state is None or not self._writes:
            self._state = super().state
        return self._state

    def number_of(self, agent: str) -> int | None:
        return self._agents.number_of(agent)

    def genome(self, agent: str, born: bool = False) -> bytes:
        """The genome that an agent has or had last, or was `born` with."""
        data = self.kept_genome(agent, born)
        if data is None:
            raise RegistryError(f"no genome of agent {agent} is kept", where=self.path)
        return data

    def kept_genome(self, agent: str, born: bool = False) -> bytes | None:
        """As `genome`; None when it is kept no more."""
        number = self.number_of(agent)
        with told(self.path):
            return None if number is None else self._genomes.of(number, born)

    def commit(self, batch: Batch, run: str) -> tuple[Recorded, ...]:
        """Write a batch in one transaction; the events come back with their numbers."""
        now = _now()
        connection = self._connection
        try:
            with told(self.path), transaction(connection):
                self._write_agents(batch)
                self._write_memories(batch.memories)
                self._write_samples(batch)
                if batch.state is not None:
                    connection.execute(rows.WRITE_STATE, rows.state_row(batch.state))
                recorded = self._append(batch.events, run, now)
                if batch.cycle is not None:
                    connection.execute(rows.WRITE_CYCLE, rows.cycle_row(batch.cycle, now, run))
        except BaseException:
            self._forget()
            raise
        self._agents.committed()
        self._state = batch.state or self._state
        if self._checkpoints is not None:
            self._checkpoints.committed()
        return recorded

    def _write_agents(self, batch: Batch) -> None:
        newborns, dead = self._agents.write(batch.records)
        for agent, data in batch.genomes.items():
            number = self._known(agent)
            self._genomes.put(number, batch.during, data)
            self._genes.note(number, batch.during, data, number in newborns)
        for record in dead:
            self._genes.bury(record.number, record.died_cycle or 0)
        self._genomes.write()
        self._genes.write()
        self._connection.executemany(
            "INSERT INTO deaths VALUES (?, ?) "
            "ON CONFLICT (cause) DO UPDATE SET count = count + excluded.count",
            Counter(str(record.cause) for record in dead).items(),
        )

    def _known(self, agent: str) -> int:
        number = self.number_of(agent)
        if number is None:
            raise RegistryError(f"no agent {agent} is known", where=self.path)
        return number

    def _write_memories(self, memories: Mapping[str, bytes | None]) -> None:
        gone = [(self.number_of(agent),) for agent, m in memories.items() if m is None]
        kept = [(self._known(agent), m) for agent, m in memories.items() if m is not None]
        self._connection.executemany("DELETE FROM memories WHERE number = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO memories VALUES (?, ?)", kept)

    def _write_samples(self, batch: Batch) -> None:
        insert(
            self._connection,
            "INSERT OR REPLACE INTO samples",
            (
                (batch.during, r.number, r.fitness, r.energy, r.cpu_seconds, r.rss_bytes)
                for r in batch.samples
            ),
        )

    def _append(self, events: Sequence[Event], run: str, now: str) -> tuple[Recorded, ...]:
        first = self.last_seq() + 1
        recorded = tuple(Recorded(seq, now, run, one) for seq, one in enumerate(events, first))
        data = texts(event.data for event in events)
        insert(self._connection, "INSERT INTO events", map(self._event_row, recorded, data))
        return recorded

    def _event_row(self, recorded: Recorded, data: str) -> tuple[Any, ...]:
        event = recorded.event
        about = None if event.agent is None else self._agents.number_of(event.agent)
        return (
            recorded.seq,
            recorded.ts,
            recorded.run,
            event.cycle,
            str(event.kind),
            event.agent if about is None else about,
            data,
        )

    # Runs and events.

    def begin_run(self, run: Run) -> None:
        """Put a run on record; said again, with what is known of it since."""
        with told(self.path):
            settings = None
            if run.settings is not None:
                keep = "INSERT INTO settings (content) VALUES (?) ON CONFLICT DO NOTHING"
                self._connection.execute(keep, [run.settings])
                known = self._one("SELECT settings FROM settings WHERE content = ?", [run.settings])
                settings = known[0] if known else None
            details = [settings, run.template, run.data, run.version, run.python, run.host]
            self._connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) "
                "DO UPDATE SET settings = excluded.settings, template = excluded.template, "
                "data = excluded.data, version = excluded.version, python = excluded.python, "
                "host = excluded.host",
                [run.run, run.purpose, _now(), *details],
            )

    def end_run(self, run: str) -> None:
        with told(self.path):
            self._connection.execute(
                "UPDATE runs SET ended = ? WHERE run = ? AND ended IS NULL", [_now(), run]
            )

    def prune(self, keep: "HistorySettings", cycle: int, everything: bool = False) -> Pruned:
        """Forget of the dead what is not to be kept any more: since this was done last, or, with
        `everything`, of all of them, and make the file smaller."""
        before, state = self._bytes(), self.state
        with told(self.path):
            with transaction(self._connection):
                found = prune(self._connection, keep, -1 if everything else state.pruned, cycle)
                state = replace(state, pruned=cycle)
                self._connection.execute(rows.WRITE_STATE, rows.state_row(state))
            self._state = state
            if everything:
                with suppress(sqlite3.OperationalError):  # no room for another file of that size
                    self._connection.execute("VACUUM")
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return replace(found, bytes_before=before, bytes_after=self._bytes())

    def _bytes(self) -> int:
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
