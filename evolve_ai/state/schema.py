"""Owns the tables of the registry, and how an AgentRecord becomes a row and back."""

import dataclasses
import json
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from evolve_ai.model.agent import AgentRecord, Metrics, State

VERSION = "4"

_JSON = ("parents", "errors", "metrics", "mutations", "failures")
_COLUMNS = tuple(field.name for field in dataclasses.fields(AgentRecord))

_VALUES = attrgetter(*_COLUMNS)
_NUMBERS = attrgetter(*(field.name for field in dataclasses.fields(Metrics)))
_METRICS = _COLUMNS.index("metrics")
_JSON_AT = tuple(map(_COLUMNS.index, _JSON))

COLUMNS = ", ".join(_COLUMNS)
# Registries of other versions: how they are read as they are, and what makes them like ours.
_OF_2 = COLUMNS.replace("quarantine_cycles", "0 AS quarantine_cycles")
OLD_COLUMNS = {
    "1": _OF_2.replace("refusals", "0 AS refusals")
    .replace("retry_at", "nullif(retry_cycle, 0) AS retry_at")
    .replace("started_at", "started_cycle AS started_at"),
    "2": _OF_2,
}
# How many have died of what, kept beside the dead: these are many, and every report counts them.
_DEATHS = """
CREATE TABLE IF NOT EXISTS deaths (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
COUNT_DEATHS = (
    "SELECT coalesce(cause, 'None'), count(*) FROM agents WHERE state = 'dead' GROUP BY 1"
)
# Each makes a registry one of the next version.
UPGRADES = {
    "1": """
ALTER TABLE agents RENAME COLUMN retry_cycle TO retry_at;
ALTER TABLE agents RENAME COLUMN started_cycle TO started_at;
ALTER TABLE agents ADD COLUMN refusals DEFAULT 0;
UPDATE agents SET retry_at = nullif(retry_at, 0);
UPDATE meta SET value = '2' WHERE key = 'schema';
""",
    "2": """
ALTER TABLE agents ADD COLUMN quarantine_cycles DEFAULT 0;
UPDATE meta SET value = '3' WHERE key = 'schema';
""",
    "3": f"""{_DEATHS}
INSERT INTO deaths {COUNT_DEATHS};
UPDATE meta SET value = '4' WHERE key = 'schema';
""",
}
UPSERT = f"INSERT OR REPLACE INTO agents ({COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS))})"

TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agents ({COLUMNS}, PRIMARY KEY (id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS agents_state ON agents (state);
CREATE INDEX IF NOT EXISTS agents_founder ON agents (founder, fitness) WHERE founder;
{_DEATHS}CREATE TABLE IF NOT EXISTS genomes (
    id TEXT PRIMARY KEY, born BLOB NOT NULL, current BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memories (id TEXT PRIMARY KEY, memory BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT NOT NULL, run TEXT NOT NULL,
    cycle INTEGER NOT NULL, event TEXT NOT NULL, agent TEXT, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_agent ON events (agent);
CREATE TABLE IF NOT EXISTS cycles (
    cycle INTEGER PRIMARY KEY, digest TEXT NOT NULL, summary TEXT NOT NULL
);
"""


# Names the states, so that the dead, who lie among the living, are never looked at.
LIVING = f"state IN ({', '.join(repr(str(state)) for state in State if state is not State.DEAD)})"


def row_of(record: AgentRecord) -> tuple[Any, ...]:
    """About 8 µs: a cycle writes all of them, and nobody is looked after meanwhile."""
    row = list(_VALUES(record))
    row[_METRICS] = _NUMBERS(record.metrics)
    for at in _JSON_AT:
        row[at] = json.dumps(row[at]) if row[at] else "[]"
    return tuple(row)


def record_of(row: Sequence[Any]) -> AgentRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        values[name] = _tuples(json.loads(values[name]))
    values["metrics"] = Metrics(*values["metrics"])
    values["state"] = State(values["state"])
    values["founder"] = bool(values["founder"])
    return AgentRecord(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
