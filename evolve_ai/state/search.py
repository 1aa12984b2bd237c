"""The registry of a search: candidates, their trials, snapshots; one writer, commits in order."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from evolve_ai.model.candidate import Candidate
from evolve_ai.model.event import Event, Recorded
from evolve_ai.model.job import JobUsage
from evolve_ai.model.run_state import RunState
from evolve_ai.model.score_text import to_text
from evolve_ai.model.trial import Fault, Score
from evolve_ai.state import rows
from evolve_ai.state.checkpoints import Checkpoints
from evolve_ai.state.compression import squeezed
from evolve_ai.state.opening import connected, make, prepare, told, transaction
from evolve_ai.state.search_reader import RUN, SearchReader, TrialKey
from evolve_ai.state.upgrades import update

_SNAPSHOTS = 3  # that are kept


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit writes: a candidate with its placement, or only events and state."""

    candidate: Candidate | None = None
    program: str = ""  # the digest of the candidate's files
    contents: Mapping[str, bytes] = field(default_factory=dict)  # those that may be new
    kept: bool = False
    improved: bool = False
    placement: str = ""
    island: int = 0
    digest: str = ""
    events: Sequence[Event] = ()
    snapshot: bytes | None = None
    state: RunState | None = None


class SearchRegistry(SearchReader):
    """Open with `create` to write; SearchReader only looks."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        super().__init__(connection, path)
        self._checkpoints = Checkpoints(path)
        self._seq = self.last_seq()
        self._state: RunState | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open for writing; made when it is not there, brought up to date when it is old."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make(path)
        with connected(path) as connection:
            prepare(connection)
            update(connection, path)
            connection.execute("PRAGMA cache_size = -16384")  # KiB
            return cls(connection, path)

    def close(self) -> None:
        self._checkpoints.close()
        super().close()

    @property
    def state(self) -> RunState:
        if self._state is None:
            self._state = super().state
        return self._state

    def begin_run(self, run: str, purpose: str, settings: str, version: str) -> None:
        with told(self.path), transaction(self._connection):
            keep = "INSERT INTO settings (content) VALUES (?) ON CONFLICT DO NOTHING"
            self._connection.execute(keep, [settings])
            self._connection.execute(
                "INSERT INTO runs (run, purpose, begun, settings, version) SELECT ?, ?, ?, "
                "settings, ? FROM settings WHERE content = ?",
                [run, purpose, now(), version, settings],
            )

    def end_run(self, run: str) -> None:
        with told(self.path):
            self._connection.execute("UPDATE runs SET ended = ? WHERE run = ?", [now(), run])

    def keep_stopped(self, why: str) -> None:
        """Why the last run ended; "" when one begins."""
        self.keep_examined(RUN, "stopped", {"why": why})

    def skip_events(self, seq: int) -> None:
        """Number the events to come from the one after `seq` on, if they would not be anyway."""
        self._seq = max(self._seq, seq)

    def begin_anew(self) -> None:
        """Forget the trials of an initial program that was never committed."""
        with told(self.path), transaction(self._connection):
            for table in ("evaluations", "artifacts", "proposals", "examined"):
                self._connection.execute(f"DELETE FROM {table}")

    def set_state(self, state: RunState) -> None:
        with told(self.path):
            self._connection.execute(rows.WRITE_STATE, rows.state_row(state))
        self._state = state

    def journal_proposal(self, number: int, proposal: Mapping[str, Any]) -> None:
        """Put on record what a proposer answered that would not answer the same again."""
        with told(self.path):
            self._connection.execute(
                "INSERT OR REPLACE INTO proposals VALUES (?, ?, ?)",
                [number, json.dumps(proposal), now()],
            )

    def journal_trial(self, key: TrialKey, result: Score | Fault, usage: JobUsage) -> None:
        """Put the result of a trial on record, before anything is decided by it."""
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [*key, to_text(result), usage.wall, usage.cpu, usage.memory, now()],
            )
            for name, text in result.artifacts.items():
                kept = squeezed(text.encode("utf-8", "surrogatepass"))
                self._connection.execute(
                    "INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?)", [key.number, name, kept]
                )

    def keep_examined(self, number: int, what: str, result: Mapping[str, Any]) -> None:
        """Keep what an examination of a candidate found: `what` names its kind."""
        with told(self.path):
            self._connection.execute(
                "INSERT OR REPLACE INTO examined VALUES (?, ?, ?, ?)",
                [number, what, json.dumps(result), now()],
            )

    def commit(self, batch: Committed, run: str) -> tuple[Recorded, ...]:
        """Write all of it in one transaction; the events come back with their numbers."""
        moment = now()
        seq = self._seq
        recorded = tuple(
            Recorded(n, moment, run, one) for n, one in enumerate(batch.events, seq + 1)
        )
        with self._writing():
            if batch.candidate is not None:
                self._write_candidate(batch.candidate, batch, moment)
            if batch.snapshot is not None and batch.candidate is not None:
                self._write_snapshot(batch.candidate.number, batch.snapshot)
            if batch.state is not None:
                self._connection.execute(rows.WRITE_STATE, rows.state_row(batch.state))
            for one in recorded:
                self._connection.execute(
                    "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [one.seq, moment, run, one.event.cycle, str(one.event.kind), one.event.agent,
                     json.dumps(dict(one.event.data))],
                )  # fmt: skip
        self._seq += len(recorded)
        self._state = batch.state or self._state
        self._checkpoints.committed()
        return recorded

    def _write_candidate(self, one: Candidate, batch: Committed, moment: str) -> None:
        execute, dumps = self._connection.execute, json.dumps
        execute(
            "INSERT INTO individuals VALUES (?, ?, ?, ?, ?, ?)",
            [one.number, one.id, one.generation, int(not one.parents), one.number,
             dumps(one.operators)],
        )  # fmt: skip
        for nth, parent in enumerate(one.parents):
            execute("INSERT INTO lineage VALUES (?, ?, ?, NULL)", [one.number, nth, parent])
        self._contents.put(batch.contents)
        score, fault = one.score, one.fault
        execute(
            "INSERT INTO programs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                one.number,
                bytes.fromhex(batch.program),
                dumps(self._differing(one)),
                None if score is None else score.value,
                dumps([] if score is None else [*score.goals]),
                dumps({} if score is None else {**score.metrics, **score.private}),
                dumps({} if score is None else {**score.texts}),
                dumps({**one.features}),
                None if fault is None else str(fault.cause),
                None if fault is None else fault.reason,
                one.reused,
                batch.kept,
                batch.improved,
                batch.placement,
                batch.island,
                one.note,
                moment,
                batch.digest,
            ],
        )

    def _differing(self, one: Candidate) -> Mapping[str, str]:
        """Of its genome what differs from the initial program: most files of most candidates do
        not."""
        if one.number == 0:
            return one.genome
        first = self.initial_genome()
        return {path: code for path, code in one.genome.items() if first.get(path) != code}

    def _write_snapshot(self, number: int, snapshot: bytes) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?)", [number, squeezed(snapshot)]
        )
        self._connection.execute(
            "DELETE FROM snapshots WHERE number NOT IN "
            "(SELECT number FROM snapshots ORDER BY number DESC LIMIT ?)",
            [_SNAPSHOTS],
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction; after a failure the contents are read afresh."""
        try:
            with told(self.path), transaction(self._connection):
                yield
        except BaseException:
            self._contents.forget()
            raise


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
