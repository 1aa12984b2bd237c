"""The tables of the registry. What may be relied on from outside are its views (state/views.py)."""

VERSION = "6"
OLDER = ("1", "2", "3", "4", "5")  # that state/upgrades.py knows

# `meta` holds two names: `schema`, the version of these tables, and `history`, drawn when they were
# made. An individual is known in other tables by its number. What it is born
# with never changes; `lives` are those of the living, `past_lives` what is left of the others'.
# Individuals of a search have `programs` instead of lives: a row for each candidate.
TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS run_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seed INTEGER, fixed_hash TEXT, places INTEGER, numbers INTEGER NOT NULL, founder_genes REAL,
    founding INTEGER, founding_asked INTEGER,
    tainted TEXT, paused INTEGER, lived_freely INTEGER, turning INTEGER, abandoned INTEGER,
    world TEXT, tally TEXT NOT NULL,
    epoch INTEGER NOT NULL, demes INTEGER NOT NULL, colonies INTEGER NOT NULL, clock TEXT,
    sandbox TEXT, awaited TEXT NOT NULL, adrift TEXT,
    inputs TEXT, inputs_run TEXT, inputs_changed TEXT, told TEXT NOT NULL,
    pool TEXT NOT NULL, pool_refused TEXT NOT NULL,
    inbox_done TEXT, news TEXT, pruned INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, purpose TEXT NOT NULL, begun TEXT NOT NULL, ended TEXT,
    settings INTEGER REFERENCES settings, template TEXT, data TEXT, version TEXT, python TEXT,
    host TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (
    settings INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS individuals (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,
    founder INTEGER NOT NULL, born_cycle INTEGER NOT NULL, operators TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS individuals_founder ON individuals (founder) WHERE founder;
CREATE TABLE IF NOT EXISTS lineage (
    child INTEGER NOT NULL, nth INTEGER NOT NULL, parent INTEGER, parent_id TEXT,
    PRIMARY KEY (child, nth)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lineage_parent ON lineage (parent) WHERE parent IS NOT NULL;

CREATE TABLE IF NOT EXISTS lives (
    number INTEGER PRIMARY KEY, place INTEGER NOT NULL, state TEXT NOT NULL,
    energy INTEGER NOT NULL, age INTEGER NOT NULL, fitness REAL, scores TEXT NOT NULL,
    evidence TEXT NOT NULL, mutations TEXT NOT NULL, genome_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    active_genes INTEGER NOT NULL, functions INTEGER NOT NULL,
    measured_genes INTEGER NOT NULL, active_files INTEGER NOT NULL,
    complexity INTEGER NOT NULL, lines INTEGER NOT NULL, stamp TEXT NOT NULL,
    running_fingerprint TEXT NOT NULL, pid INTEGER, lived_tick INTEGER NOT NULL,
    restarts INTEGER NOT NULL, failures TEXT NOT NULL, consecutive_failures INTEGER NOT NULL,
    refusals INTEGER NOT NULL, retry_at NUMERIC, started_at NUMERIC, cause TEXT, reason TEXT,
    cpu_seconds REAL NOT NULL, rss_bytes INTEGER NOT NULL, quarantine_cycles INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS past_lives (
    number INTEGER PRIMARY KEY, place INTEGER NOT NULL, died_cycle INTEGER, cause TEXT,
    reason TEXT, energy INTEGER NOT NULL, age INTEGER NOT NULL, fitness REAL,
    scores TEXT NOT NULL, mutations TEXT NOT NULL, genome_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL, active_genes INTEGER NOT NULL, functions INTEGER NOT NULL,
    measured_genes INTEGER NOT NULL, active_files INTEGER NOT NULL, complexity INTEGER NOT NULL,
    lines INTEGER NOT NULL, lived_tick INTEGER NOT NULL, restarts INTEGER NOT NULL,
    cpu_seconds REAL NOT NULL, rss_bytes INTEGER NOT NULL, quarantine_cycles INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS past_lives_died ON past_lives (died_cycle);
CREATE TABLE IF NOT EXISTS memories (number INTEGER PRIMARY KEY, memory BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deaths (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS genomes (
    genome INTEGER PRIMARY KEY, hash BLOB NOT NULL, dictionary INTEGER, zstd BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS genome_dictionaries (
    dictionary INTEGER PRIMARY KEY, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS genome_history (
    individual INTEGER NOT NULL, genome INTEGER NOT NULL, cycle INTEGER NOT NULL,
    PRIMARY KEY (individual, genome)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gene_names (
    gene INTEGER PRIMARY KEY, file TEXT NOT NULL, function TEXT NOT NULL, UNIQUE (file, function)
);
CREATE TABLE IF NOT EXISTS genes (
    individual INTEGER NOT NULL, gene INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (individual, gene)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gene_changes (
    gene INTEGER NOT NULL, cycle INTEGER NOT NULL, gained INTEGER NOT NULL, lost INTEGER NOT NULL,
    PRIMARY KEY (gene, cycle)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS samples (
    cycle INTEGER NOT NULL, individual INTEGER NOT NULL, fitness REAL, energy INTEGER NOT NULL,
    cpu_seconds REAL NOT NULL, rss_bytes INTEGER NOT NULL,
    PRIMARY KEY (individual, cycle)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT NOT NULL, run TEXT NOT NULL,
    cycle INTEGER NOT NULL, event TEXT NOT NULL, agent, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_agent ON events (agent) WHERE agent IS NOT NULL;
CREATE TABLE IF NOT EXISTS cycles (
    cycle INTEGER PRIMARY KEY, digest TEXT NOT NULL, ts TEXT, run TEXT,
    tick INTEGER NOT NULL, alive INTEGER NOT NULL, running INTEGER NOT NULL,
    quarantined INTEGER NOT NULL, born INTEGER NOT NULL, died INTEGER NOT NULL,
    generation_max INTEGER NOT NULL, fitness_best REAL, fitness_mean REAL, energy INTEGER NOT NULL,
    champion TEXT, requested INTEGER NOT NULL, compiled INTEGER NOT NULL, reused INTEGER NOT NULL,
    failed INTEGER NOT NULL, totals TEXT NOT NULL, seconds TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS programs (
    number INTEGER PRIMARY KEY, program BLOB NOT NULL, genome TEXT NOT NULL, score REAL,
    goals TEXT NOT NULL, metrics TEXT NOT NULL, texts TEXT NOT NULL, features TEXT NOT NULL,
    cause TEXT, reason TEXT, reused INTEGER, kept INTEGER NOT NULL, improved INTEGER NOT NULL,
    placement TEXT NOT NULL, island INTEGER NOT NULL, note TEXT NOT NULL, ts TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS programs_program ON programs (program);
CREATE INDEX IF NOT EXISTS programs_improved ON programs (number) WHERE improved;
CREATE TABLE IF NOT EXISTS contents (
    content INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, dictionary INTEGER, zstd BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS artifacts (
    number INTEGER NOT NULL, name TEXT NOT NULL, zstd BLOB NOT NULL, PRIMARY KEY (number, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evaluations (
    number INTEGER NOT NULL, subject INTEGER NOT NULL, stage TEXT NOT NULL, seed INTEGER NOT NULL,
    repeat INTEGER NOT NULL, result TEXT NOT NULL, wall REAL NOT NULL, cpu REAL NOT NULL,
    memory INTEGER NOT NULL, ts TEXT NOT NULL,
    PRIMARY KEY (number, subject, stage, seed, repeat)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proposals (
    number INTEGER PRIMARY KEY, proposal TEXT NOT NULL, ts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS snapshots (number INTEGER PRIMARY KEY, zstd BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS examined (
    number INTEGER NOT NULL, what TEXT NOT NULL, result TEXT NOT NULL, ts TEXT NOT NULL,
    PRIMARY KEY (number, what)
) WITHOUT ROWID;
"""
