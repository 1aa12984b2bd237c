"""How an agent, the run state and a cycle become rows of the registry, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from evolve_ai.model.agent import AgentRecord, Metrics, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.run_state import InputsChange, RunState
from evolve_ai.model.tally import Counts, Tally, Totals

# Column of `lives` -> field of an agent. Lists are JSON.
LIFE = {
    "place": "place",
    "state": "state",
    "energy": "energy",
    "age": "age",
    "fitness": "fitness",
    "scores": "scores",
    "evidence": "evidence",
    "mutations": "mutations",
    "genome_hash": "genome_hash",
    "fingerprint": "fingerprint",
    "active_genes": "active_genes",
    "functions": "metrics.functions",
    "measured_genes": "metrics.active_genes",
    "active_files": "metrics.active_files",
    "complexity": "metrics.complexity",
    "lines": "metrics.lines",
    "stamp": "stamp",
    "running_fingerprint": "running_fingerprint",
    "pid": "pid",
    "lived_tick": "lived_tick",
    "restarts": "restarts",
    "failures": "failures",
    "consecutive_failures": "consecutive_failures",
    "refusals": "refusals",
    "retry_at": "retry_at",
    "started_at": "started_at",
    "cause": "cause",
    "reason": "reason",
    "cpu_seconds": "cpu_seconds",
    "rss_bytes": "rss_bytes",
    "quarantine_cycles": "quarantine_cycles",
    "number": "number",
}
# Of the dead those that still tell something; the others are as of one who never ran.
_KEPT = (
    "number", "place", "died_cycle", "cause", "reason", "energy", "age", "fitness", "scores",
    "mutations", "genome_hash", "fingerprint", "active_genes", "functions", "measured_genes",
    "active_files", "complexity", "lines", "lived_tick", "restarts", "cpu_seconds", "rss_bytes",
    "quarantine_cycles",
)  # fmt: skip
PAST = {column: {**LIFE, "died_cycle": "died_cycle"}[column] for column in _KEPT}
# What an individual is born with, and never changes.
BIRTH = {
    name: name for name in ("number", "id", "generation", "founder", "born_cycle", "operators")
}
LISTS = frozenset({"operators", "mutations", "scores", "evidence", "failures"})  # JSON

# What an agent is read from, as columns named like its fields.
_PARENTS = """(SELECT json_group_array(id) FROM (
    SELECT coalesce(p.id, x.parent_id) AS id FROM lineage x
    LEFT JOIN individuals p ON p.number = x.parent WHERE x.child = i.number ORDER BY x.nth
))"""
_SAME = ("id", "generation", "founder", "born_cycle", "operators")
_NAMES = (
    *_SAME,
    "parents",
    "died_cycle",
    *(name for name in LIFE.values() if "." not in name),
)


def _living_fields() -> dict[str, str]:
    found = {name: f"i.{name}" for name in _SAME} | {"parents": _PARENTS, "died_cycle": "NULL"}
    return found | {name: f"l.{column}" for column, name in LIFE.items()}


def _dead_fields() -> dict[str, str]:
    empty = {"evidence": "'[]'", "failures": "'[]'", "pid": "NULL"}
    empty |= {"stamp": "''", "running_fingerprint": "''", "retry_at": "NULL", "started_at": "NULL"}
    found = {name: f"i.{name}" for name in _SAME} | {"parents": _PARENTS}
    found |= {name: empty.get(name, "0") for name in LIFE.values()}
    found |= {name: f"l.{column}" for column, name in PAST.items()}
    return found | {"state": f"'{State.DEAD}'"}


_FIELDS = {False: _living_fields(), True: _dead_fields()}


def select(names: Sequence[str], dead: bool, by_individual: bool = False) -> str:
    """These fields of the living, or of the dead; `l` and `i` are their lives and individuals. What
    comes first is what SQLite goes through: a cross join keeps the order."""
    tables = ["past_lives l" if dead else "lives l", "individuals i"]
    first, second = reversed(tables) if by_individual else tables
    columns = ", ".join(_FIELDS[dead][name] for name in names)
    return f"SELECT {columns} FROM {first} CROSS JOIN {second} ON i.number = l.number"


_EVERYTHING = (*_NAMES, *(name for name in LIFE.values() if "." in name))
SELECT_LIVING = select(_EVERYTHING, dead=False)
SELECT_DEAD = select(_EVERYTHING, dead=True)
SELECT_BY_INDIVIDUAL = tuple(
    select(_EVERYTHING, dead, by_individual=True) for dead in (False, True)
)


def record_of(row: Sequence[Any]) -> AgentRecord:
    values = dict(zip(_NAMES, row, strict=False))
    for name in ("parents", *LISTS):
        values[name] = _tuples(json.loads(values[name]))
    values["metrics"] = Metrics(*row[len(_NAMES) :])
    values["state"] = State(values["state"])
    values["founder"] = bool(values["founder"])
    return AgentRecord(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


# The run state: one row, whose columns are named like its fields.

_STATE = tuple(field.name for field in fields(RunState))
SELECT_STATE = f"SELECT {', '.join(_STATE)} FROM run_state"
WRITE_STATE = (
    f"INSERT OR REPLACE INTO run_state (one, {', '.join(_STATE)}) "
    f"VALUES (1, {', '.join('?' * len(_STATE))})"
)


def state_row(state: RunState) -> tuple[Any, ...]:
    row: list[Any] = []
    for name in _STATE:
        value = getattr(state, name)
        if isinstance(value, Tally | InputsChange):
            value = json.dumps(asdict(value))
        elif isinstance(value, Mapping | tuple):
            value = json.dumps(value)
        row.append(value)
    return tuple(row)


def state_of(row: Sequence[Any]) -> RunState:
    values = dict(zip(_STATE, row, strict=True))
    for name in ("inputs", "pool", "pool_refused", "awaited", "told", "world"):
        values[name] = _tuples(json.loads(values[name])) if values[name] else None
    values["tally"] = Tally.from_json(values["tally"])
    if values["inputs_changed"]:
        found = json.loads(values["inputs_changed"])
        values["inputs_changed"] = InputsChange(found["cycle"], tuple(found["changed"]))
    return RunState(**values)


# A cycle: what its summary counts has a column each; sums over all cycles are JSON.

_NUMBERS = tuple(
    field.name for field in fields(Summary) if field.name not in ("builds", "totals", "seconds")
)
_COUNTS = tuple(field.name for field in fields(Counts))
_CYCLE = ("cycle", "digest", *_NUMBERS, *_COUNTS, "totals", "seconds")
SELECT_CYCLE = f"SELECT {', '.join(_CYCLE)} FROM cycles"
WRITE_CYCLE = (
    f"INSERT OR REPLACE INTO cycles ({', '.join(_CYCLE)}, ts, run) "
    f"VALUES ({', '.join('?' * (len(_CYCLE) + 2))})"
)


def cycle_row(cycle: Cycle, ts: str, run: str) -> tuple[Any, ...]:
    summary = cycle.summary
    return (
        cycle.number,
        cycle.digest,
        *(getattr(summary, name) for name in _NUMBERS),
        *(getattr(summary.builds, name) for name in _COUNTS),
        json.dumps(asdict(summary.totals)),
        json.dumps(dict(summary.seconds)),
        ts,
        run,
    )


def cycle_of(row: Sequence[Any]) -> Cycle:
    number, digest, *rest = row
    numbers = dict(zip(_NUMBERS, rest, strict=False))
    counts = rest[len(_NUMBERS) : -2]
    totals, seconds = map(json.loads, rest[-2:])
    builds = Counts(*counts)
    summary = Summary(**numbers, builds=builds, totals=Totals.from_json(totals), seconds=seconds)
    return Cycle(number, digest, summary)
