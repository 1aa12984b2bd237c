"""Brings registries of older versions up to date, one version after the other."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from evolve_ai.model.run_state import InputsChange, RunState
from evolve_ai.model.tally import Tally
from evolve_ai.state import schema
from evolve_ai.state.genes import Genes
from evolve_ai.state.genomes import Genomes
from evolve_ai.state.opening import lay_out, statements, transaction, version_of
from evolve_ai.state.rows import WRITE_STATE, state_row
from evolve_ai.system.files import storage_errors, sync_folder

Upgrade = Callable[[sqlite3.Connection], None]


def update(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables of an older version up to date, all at once; a copy of them as they are is
    made first, and told of as news."""
    version = version_of(connection, path)
    if version == schema.VERSION:
        lay_out(connection)
        return
    copy = path.with_name(f"registry.version-{version}.sqlite")
    _copy(connection, copy)
    upgrade(connection, version)
    lay_out(connection)
    news = f"the registry was brought up to date; as it was it is kept as {copy.name}"
    connection.execute(
        "UPDATE run_state SET news = CASE WHEN news IS NULL THEN ? ELSE news || '; ' || ? END",
        [news, news],
    )
    with suppress(sqlite3.Error):  # what the old tables took is used again anyway
        connection.execute("VACUUM")


def _copy(connection: sqlite3.Connection, copy: Path) -> None:
    draft = copy.with_name(f".{copy.name}")
    with storage_errors(copy):
        draft.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", [str(draft)])
        draft.replace(copy)
        sync_folder(copy.parent)


def in_memory(connection: sqlite3.Connection, version: str) -> sqlite3.Connection:
    """A copy of an older registry, brought up to date; what was open is closed, and not written."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    connection.close()
    upgrade(copy, version)
    lay_out(copy)
    return copy


def upgrade(connection: sqlite3.Connection, version: str) -> None:
    """All the way to the present version, or not at all."""
    with transaction(connection):
        while version in UPGRADES:
            UPGRADES[version](connection)
            version = str(int(version) + 1)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", [version])


def _script(text: str) -> Upgrade:
    def run(connection: sqlite3.Connection) -> None:
        for statement in statements(text):
            connection.execute(statement)

    return run


_TO_2 = """
ALTER TABLE agents RENAME COLUMN retry_cycle TO retry_at;
ALTER TABLE agents RENAME COLUMN started_cycle TO started_at;
ALTER TABLE agents ADD COLUMN refusals DEFAULT 0;
UPDATE agents SET retry_at = nullif(retry_at, 0);
"""
_TO_3 = "ALTER TABLE agents ADD COLUMN quarantine_cycles DEFAULT 0;"
_TO_4 = """
CREATE TABLE deaths (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO deaths SELECT coalesce(cause, 'None'), count(*) FROM agents WHERE state = 'dead'
GROUP BY 1;
"""

# Version 5 has agents as individuals and lives, genomes compressed, columns for what was text.
_MAKE_WAY = """
DROP INDEX IF EXISTS agents_state;
DROP INDEX IF EXISTS agents_founder;
DROP INDEX IF EXISTS events_agent;
ALTER TABLE events RENAME TO old_events;
ALTER TABLE agents RENAME TO old_agents;
ALTER TABLE genomes RENAME TO old_genomes;
ALTER TABLE memories RENAME TO old_memories;
ALTER TABLE cycles RENAME TO old_cycles;
"""
_MOVE = """
INSERT INTO individuals SELECT number, id, generation, founder, born_cycle, '[]' FROM old_agents;
INSERT INTO lives SELECT number, place, state, energy, age, fitness, '[]',
    (SELECT json_group_array(v.value) FROM json_each(errors) p, json_each(p.value) v), mutations,
    genome_hash, fingerprint,
    active_genes, json_extract(metrics, '$[0]'), json_extract(metrics, '$[1]'),
    json_extract(metrics, '$[2]'), json_extract(metrics, '$[3]'), json_extract(metrics, '$[4]'),
    stamp, running_fingerprint, pid, lived_tick, restarts, failures, consecutive_failures,
    refusals, retry_at, started_at, cause, reason, cpu_seconds, rss_bytes, quarantine_cycles
FROM old_agents WHERE state <> 'dead';
INSERT INTO past_lives SELECT number, place, died_cycle, cause, reason, energy, age, fitness,
    '[]', mutations, genome_hash, fingerprint, active_genes, json_extract(metrics, '$[0]'),
    json_extract(metrics, '$[1]'), json_extract(metrics, '$[2]'),
    json_extract(metrics, '$[3]'), json_extract(metrics, '$[4]'),
    lived_tick, restarts, cpu_seconds, rss_bytes, quarantine_cycles
FROM old_agents WHERE state = 'dead';
INSERT INTO lineage SELECT a.number, p.key, i.number, CASE WHEN i.number IS NULL THEN p.value END
FROM old_agents a, json_each(a.parents) p LEFT JOIN individuals i ON i.id = p.value;
INSERT INTO memories SELECT i.number, m.memory FROM old_memories m
JOIN individuals i ON i.id = m.id;
INSERT INTO cycles SELECT c.cycle, c.digest, e.ts, e.run,
    json_extract(summary, '$.tick'), json_extract(summary, '$.alive'),
    json_extract(summary, '$.running'), json_extract(summary, '$.quarantined'),
    json_extract(summary, '$.born'), json_extract(summary, '$.died'),
    json_extract(summary, '$.generation_max'), json_extract(summary, '$.fitness_best'),
    json_extract(summary, '$.fitness_mean'), json_extract(summary, '$.energy'), NULL,
    json_extract(summary, '$.builds.requested'), json_extract(summary, '$.builds.compiled'),
    json_extract(summary, '$.builds.reused'), json_extract(summary, '$.builds.failed'),
    json_extract(summary, '$.totals'), json_extract(summary, '$.seconds')
FROM old_cycles c LEFT JOIN
    (SELECT cycle, max(ts) AS ts, run FROM old_events WHERE event = 'cycle' GROUP BY cycle) e
    ON e.cycle = c.cycle;
INSERT INTO events SELECT e.seq, e.ts, e.run, e.cycle, e.event, coalesce(i.number, e.agent), e.data
FROM old_events e LEFT JOIN individuals i ON i.id = e.agent;
INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events');
UPDATE sqlite_sequence SET seq = max(seq, coalesce(
    (SELECT seq FROM sqlite_sequence WHERE name = 'old_events'), 0
)) WHERE name = 'events';
INSERT INTO runs (run, purpose, begun) SELECT run, 'unknown', min(ts) FROM events
WHERE run <> '' GROUP BY run;
DROP TABLE old_agents;
DROP TABLE old_genomes;
DROP TABLE old_memories;
DROP TABLE old_cycles;
DROP TABLE old_events;
DELETE FROM meta WHERE key NOT IN ('schema', 'history');
"""


def _to_5(connection: sqlite3.Connection) -> None:
    _script(_MAKE_WAY)(connection)
    _script(schema.TABLES)(connection)
    *moves, _ = _MOVE.partition("DROP TABLE old_agents;")
    _script(moves[0])(connection)
    _move_genomes(connection)
    known = dict(connection.execute("SELECT key, value FROM meta"))
    connection.execute(WRITE_STATE, state_row(_state_of(known)))
    _script(_MOVE[len(moves[0]) :])(connection)


def _move_genomes(connection: sqlite3.Connection) -> None:
    """As born, and as it was last, since its last mutation on record, where that differs. Of genes
    no history is known: carriers are counted from now on."""
    genomes, genes = Genomes(connection), Genes(connection)
    (now,) = connection.execute("SELECT coalesce(max(cycle), 0) FROM old_cycles").fetchone()
    rows = connection.execute(
        "SELECT a.number, a.state, a.born_cycle, coalesce(m.cycle, a.born_cycle), g.born, "
        "g.current FROM old_genomes g JOIN old_agents a ON a.id = g.id LEFT JOIN (SELECT agent, "
        "max(cycle) AS cycle FROM old_events WHERE event = 'mutation' GROUP BY agent) m "
        "ON m.agent = a.id ORDER BY a.number"
    ).fetchall()
    for number, state, born_cycle, changed, born, current in rows:
        genomes.put(number, born_cycle, born)
        if born != current:
            genomes.put(number, changed, current)
        if state != "dead":
            genes.note(number, now, current, newborn=True)
    genomes.write()
    genes.write()


def _state_of(meta: Mapping[str, str]) -> RunState:
    """What single texts told before. `founders` of genes stay what they were to the last digit."""
    whole = ("seed", "places", "founding", "founding_asked", "paused", "turning", "abandoned")
    values: dict[str, Any] = {name: int(meta[name]) for name in whole if name in meta}
    same = ("fixed_hash", "tainted", "clock", "sandbox", "adrift", "inbox_done")
    values |= {name: meta[name] for name in same if name in meta}
    values["numbers"] = int(meta.get("numbers", 0))
    values["epoch"] = int(meta.get("epoch", 0))
    if "founder_genes" in meta:
        values["founder_genes"] = float(meta["founder_genes"])
    if "world" in meta:
        values["world"] = {"name": meta["world"]}
    if "lived_freely" in meta:
        values["lived_freely"] = int(meta["lived_freely"])
    if "layout" in meta:
        values["demes"], values["colonies"] = map(int, meta["layout"].split())
    values["tally"] = Tally.from_json(meta.get("tally"))
    values["awaited"] = tuple(meta.get("awaited", "").split())
    if "inputs" in meta:
        found = json.loads(meta["inputs"])
        values["inputs"], values["inputs_run"] = found["inputs"], found["run"]
    if "inputs_changed" in meta:
        found = json.loads(meta["inputs_changed"])
        values["inputs_changed"] = InputsChange(found["cycle"], tuple(found["changed"]))
    for name in ("pool", "pool_refused"):
        values[name] = json.loads(meta.get(name, "{}"))
    values["told"] = tuple(json.loads(meta.get("told", "[]")))
    values["news"] = meta.get("restored")
    assert values.keys() <= {field.name for field in fields(RunState)}
    return RunState(**values)


# Each makes a registry one of the next version.
UPGRADES: Mapping[str, Upgrade] = {
    "1": _script(_TO_2),
    "2": _script(_TO_3),
    "3": _script(_TO_4),
    "4": _to_5,
    "5": _script(""),  # the tables of a search, which are made where they are missing
}
