"""Reads the registry of a search; many may read beside the one that writes."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from evolve_ai.model.candidate import Candidate
from evolve_ai.model.errors import RegistryError, UnknownAgentError
from evolve_ai.model.event import Event, Kind, Recorded
from evolve_ai.model.score_text import from_text
from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.state.compression import plain
from evolve_ai.state.contents import Contents
from evolve_ai.state.open_reader import OpenReader
from evolve_ai.state.opening import connected, how_to_look, told, version_of
from evolve_ai.state.schema import VERSION
from evolve_ai.state.traces import copy_of, mends
from evolve_ai.system.search_mark import improve_command

RUN = -1  # the number of what is kept of the last run, and of no candidate
_PAGE = 1000
_CANDIDATE = (
    "SELECT i.number, i.id, i.generation, i.operators, p.genome, p.goals, p.metrics, p.texts, "
    "p.features, p.cause, p.reason, p.reused, p.note, p.kept, p.improved, p.placement, p.island, "
    "p.digest, (SELECT json_group_array(parent) FROM (SELECT parent FROM lineage "
    "WHERE child = i.number ORDER BY nth)) FROM programs p JOIN individuals i USING (number)"
)


class TrialKey(NamedTuple):
    """A trial made for candidate `number`; `subject` is whose program ran, which is another one
    where two are compared."""

    number: int
    subject: int
    stage: str
    seed: int
    repeat: int


class Placed(NamedTuple):
    """A candidate as committed."""

    candidate: Candidate
    kept: bool
    improved: bool
    placement: str
    island: int
    digest: str


class SearchReader(OpenReader):
    """What is asked of the registry of a search."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        super().__init__(connection, path)
        self._contents = Contents(connection)
        self._initial: Mapping[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> Self:
        if not path.exists():
            command = improve_command(path.parent.parent)
            raise RegistryError(
                "there is no registry",
                where=path,
                todo=mends(path) if copy_of(path).exists() else f"begin a search: {command}",
            )
        with connected(path, how_to_look(path)) as connection:
            if version_of(connection, path) != VERSION:
                raise RegistryError(
                    "it is of an older version", where=path, todo="evolve improve updates it"
                )
            connection.execute("PRAGMA query_only = ON")
        return cls(connection, path)

    # Candidates.

    def last_number(self) -> int:
        """Of the last candidate committed; -1 before there was one."""
        row = self._one("SELECT max(number) FROM programs")
        return -1 if row is None or row[0] is None else int(row[0])

    def digest(self) -> str:
        """The last link of the chain; "" before there was one."""
        row = self._one("SELECT digest FROM programs ORDER BY number DESC LIMIT 1")
        return "" if row is None else str(row[0])

    def candidate(self, number: int) -> Placed:
        row = self._one(f"{_CANDIDATE} WHERE p.number = ?", [number])
        if row is None:
            raise RegistryError(f"no candidate {number} is known", where=self.path)
        return self._placed(row)

    def candidates(self, after: int = -1, last: int = 2**62) -> Iterator[Placed]:
        """In order of number, from the one behind `after` to `last`."""
        while True:
            query = f"{_CANDIDATE} WHERE p.number > ? AND p.number <= ? ORDER BY p.number LIMIT ?"
            found = self._all(query, [after, last, _PAGE])
            yield from map(self._placed, found)
            if len(found) < _PAGE:
                return
            after = int(found[-1][0])

    def best(self, limit: int = 1) -> list[Placed]:
        """By score, the first of equal ones first."""
        query = f"{_CANDIDATE} WHERE p.score IS NOT NULL ORDER BY p.score DESC, p.number LIMIT ?"
        return [self._placed(row) for row in self._all(query, [limit])]

    def champion(self, last: int = 2**62) -> int | None:
        """Of those up to `last`: the last candidate that was better than all before it."""
        row = self._one("SELECT max(number) FROM programs WHERE improved AND number <= ?", [last])
        return None if row is None or row[0] is None else int(row[0])

    def found_by_id(self, prefix: str) -> Placed:
        """The candidate of this number, or whose id begins so. UnknownAgentError otherwise."""
        begin = prefix.lower().removeprefix("#")
        if begin.isdecimal() and len(begin) < 16:
            row = self._one(f"{_CANDIDATE} WHERE p.number = ?", [int(begin)])
            if row is not None:
                return self._placed(row)
        query = f"{_CANDIDATE} WHERE i.id >= ? AND i.id < ? || '~' ORDER BY i.id LIMIT 2"
        found = self._all(query, [begin, begin])
        if len(found) != 1 or not begin:
            none = f"no candidate has an id that begins with {prefix!r}"
            if begin.isdecimal():
                none = f"no candidate has the number {begin}, or an id that begins so"
            many = f"several candidates have ids that begin with {prefix!r}"
            raise UnknownAgentError(many if found else none, todo="evolve candidates lists them")
        return self._placed(found[0])

    def number_with(self, program: str) -> int | None:
        """The first candidate with a program of this digest."""
        query = "SELECT number FROM programs WHERE program = ? ORDER BY number LIMIT 1"
        row = self._one(query, [bytes.fromhex(program)])
        return None if row is None else int(row[0])

    def last_tried(self) -> int:
        """The largest number of a candidate of which trials are on record; -1: none."""
        row = self._one("SELECT max(number) FROM evaluations")
        return -1 if row is None or row[0] is None else int(row[0])

    def initial_genome(self) -> Mapping[str, str]:
        """Of candidate 0; empty before it is committed."""
        if not self._initial:
            row = self._one("SELECT genome FROM programs WHERE number = 0")
            self._initial = {} if row is None else json.loads(row[0])
        return self._initial

    def content(self, code: str) -> bytes:
        with told(self.path):
            data = self._contents.get(code)
        if data is None:
            raise RegistryError(f"no content {code[:12]} is kept", where=self.path)
        return data

    def artifacts(self, number: int) -> dict[str, str]:
        query = "SELECT name, zstd FROM artifacts WHERE number = ? ORDER BY name"
        with told(self.path):
            return {
                name: plain(packed).decode("utf-8", "surrogatepass")
                for name, packed in self._all(query, [number])
            }

    # Trials, proposals, snapshots.

    def trials_of(self, number: int) -> dict[TrialKey, Score | Fault]:
        """Of trials made for this candidate; with the artifacts of its own."""
        query = (
            "SELECT number, subject, stage, seed, repeat, result FROM evaluations WHERE number = ?"
        )
        found = self._all(query, [number])
        artifacts = self.artifacts(number) if found else {}
        return {
            TrialKey(*row[:5]): from_text(row[5], artifacts if row[1] == number else None)
            for row in found
        }

    def count_trials(self) -> int:
        row = self._one("SELECT count(*) FROM evaluations")
        return 0 if row is None else int(row[0])

    def seconds_of_trials(self) -> tuple[float, float]:
        """Wall-clock and processor time of all trials, in seconds."""
        row = self._one("SELECT coalesce(sum(wall), 0), coalesce(sum(cpu), 0) FROM evaluations")
        return (0.0, 0.0) if row is None else (float(row[0]), float(row[1]))

    def failures(self) -> dict[str, int]:
        """How many candidates failed, by cause."""
        query = (
            "SELECT cause, count(*) FROM programs WHERE cause IS NOT NULL AND reused IS NULL "
            "GROUP BY cause ORDER BY cause"
        )
        return {str(cause): int(count) for cause, count in self._all(query)}

    def operators(self) -> list[tuple[str, int, int, int]]:
        """(operator, candidates, those with a score of their own, those better than the champion),
        of the operator that made each candidate."""
        query = (
            "SELECT json_extract(i.operators, '$[#-1]') AS operator, count(*), "
            "sum(p.score IS NOT NULL AND p.reused IS NULL), sum(p.improved) "
            "FROM programs p JOIN individuals i USING (number) WHERE number > 0 "
            "GROUP BY 1 ORDER BY 4 DESC, 2 DESC, 1"
        )
        return [(str(a), int(b), int(c), int(d)) for a, b, c, d in self._all(query)]

    def last_settings(self) -> str | None:
        """Of the last run of a search, as JSON."""
        row = self._one(
            "SELECT s.content FROM runs r JOIN settings s USING (settings) "
            "WHERE r.purpose = 'improve' ORDER BY r.begun DESC LIMIT 1"
        )
        return None if row is None else str(row[0])

    def proposal(self, number: int) -> Mapping[str, Any] | None:
        row = self._one("SELECT proposal FROM proposals WHERE number = ?", [number])
        return None if row is None else json.loads(row[0])

    def recorded_proposals(self) -> frozenset[int]:
        """The numbers of candidates whose proposals are on record."""
        return frozenset(int(row[0]) for row in self._all("SELECT number FROM proposals"))

    def commands_done(self) -> frozenset[str]:
        """The files of the inbox whose proposals are on record."""
        query = "SELECT json_extract(proposal, '$.inbox') FROM proposals"
        return frozenset(str(row[0]) for row in self._all(query) if row[0])

    def snapshot(self, most: int) -> tuple[int, bytes] | None:
        """The newest one made at a number of at most this."""
        query = "SELECT number, zstd FROM snapshots WHERE number <= ? ORDER BY number DESC LIMIT 1"
        row = self._one(query, [most])
        with told(self.path):
            return None if row is None else (int(row[0]), plain(row[1]))

    def examined(self, number: int, what: str) -> Mapping[str, Any] | None:
        query = "SELECT result FROM examined WHERE number = ? AND what = ?"
        row = self._one(query, [number, what])
        return None if row is None else json.loads(row[0])

    def stopped(self) -> str:
        """Why the last run ended; "" if it runs, was killed, or none was."""
        found = self.examined(RUN, "stopped")
        return "" if found is None else str(found["why"])

    # Events.

    def events_after(self, seq: int) -> Iterator[Recorded]:
        query = (
            "SELECT seq, ts, run, cycle, event, agent, data FROM events WHERE seq > ? "
            "ORDER BY seq LIMIT ?"
        )
        while found := self._all(query, [seq, _PAGE]):
            for number, ts, run, cycle, kind, agent, data in found:
                yield Recorded(number, ts, run, Event(Kind(kind), cycle, agent, json.loads(data)))
            seq = int(found[-1][0])

    def _placed(self, row: Sequence[Any]) -> Placed:
        number, name, generation, operators, genome, goals, metrics, texts, features = row[:9]
        cause, reason, reused, note, kept, improved, placement, island, digest, parents = row[9:]
        read = json.loads
        score = Score(tuple(read(goals)), read(metrics), {}, read(texts)) if cause is None else None
        own = read(genome)
        candidate = Candidate(
            number=number,
            id=name,
            parents=tuple(read(parents)),
            generation=generation,
            operators=tuple(read(operators)),
            genome=own if number == 0 else {**self.initial_genome(), **own},
            score=score,
            fault=None if cause is None else Fault(Cause(cause), reason),
            features=read(features),
            reused=reused,
            note=note,
        )
        return Placed(candidate, bool(kept), bool(improved), placement, island, digest)
