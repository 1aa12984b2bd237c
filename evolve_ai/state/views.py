"""The views of the registry: what programs and people outside may rely on (docs/registry.md)."""

_OF_BOTH = """l.age, l.energy, l.cause, l.reason, l.restarts, l.cpu_seconds,
    l.rss_bytes, l.active_genes, l.active_files, l.complexity, l.lines, l.genome_hash,
    l.fingerprint, l.quarantine_cycles, i.operators, l.mutations"""

# Of an individual its number is written everywhere; here it is told by its id.
VIEWS = {
    "agents": """
SELECT * FROM living UNION ALL SELECT * FROM dead
""",
    "living": f"""
SELECT i.id, i.number, i.generation, i.founder, l.state, l.place, i.born_cycle,
    NULL AS died_cycle, l.fitness, l.pid, {_OF_BOTH}
FROM lives l JOIN individuals i ON i.number = l.number
""",
    "dead": f"""
SELECT i.id, i.number, i.generation, i.founder, 'dead' AS state, l.place, i.born_cycle,
    l.died_cycle, l.fitness, NULL AS pid, {_OF_BOTH}
FROM past_lives l JOIN individuals i ON i.number = l.number
""",
    "parents": """
SELECT c.id AS child, x.nth, coalesce(p.id, x.parent_id) AS parent
FROM lineage x JOIN individuals c ON c.number = x.child
LEFT JOIN individuals p ON p.number = x.parent
""",
    "death_causes": "SELECT cause, count FROM deaths",
    "agent_scores": """
SELECT i.id AS agent, json_extract(s.value, '$[0]') AS name, json_extract(s.value, '$[1]') AS value
FROM (SELECT number, scores FROM lives UNION ALL SELECT number, scores FROM past_lives) l
JOIN individuals i ON i.number = l.number, json_each(l.scores) s
""",
    "genome_versions": """
SELECT i.id AS agent, h.cycle, lower(hex(g.hash)) AS hash, length(g.zstd) AS bytes_stored
FROM genome_history h JOIN individuals i ON i.number = h.individual
JOIN genomes g ON g.genome = h.genome
""",
    "active_genes": """
SELECT i.id AS agent, n.file, n.function, g.since
FROM genes g JOIN individuals i ON i.number = g.individual JOIN gene_names n ON n.gene = g.gene
""",
    "gene_frequencies": """
SELECT c.cycle, n.file, n.function,
    sum(c.gained - c.lost) OVER (PARTITION BY c.gene ORDER BY c.cycle) AS carriers,
    c.gained, c.lost
FROM gene_changes c JOIN gene_names n ON n.gene = c.gene
""",
    "agent_samples": """
SELECT s.cycle, i.id AS agent, s.fitness, s.energy, s.cpu_seconds, s.rss_bytes
FROM samples s JOIN individuals i ON i.number = s.individual
""",
    "history": """
SELECT cycle, ts, run, digest, tick, alive, running, quarantined, born, died, generation_max,
    fitness_best, fitness_mean, energy, champion, requested AS builds_requested,
    compiled AS builds_compiled, reused AS builds_reused, failed AS builds_failed, seconds
FROM cycles
""",
    "run_list": """
SELECT r.run, r.purpose, r.begun, r.ended, s.content AS settings, r.template, r.data, r.version,
    r.python, r.host
FROM runs r LEFT JOIN settings s ON s.settings = r.settings
""",
    "event_list": """
SELECT e.seq, e.ts, e.run, e.cycle, e.event, coalesce(i.id, e.agent) AS agent, e.data
FROM events e LEFT JOIN individuals i ON i.number = e.agent
""",
    "candidates": """
SELECT i.number, i.id, i.generation, i.operators, lower(hex(p.program)) AS program, p.score,
    p.goals, p.metrics, p.texts, p.features, p.cause, p.reason, p.reused, p.kept, p.improved,
    p.placement, p.note, p.ts, p.digest
FROM programs p JOIN individuals i ON i.number = p.number
""",
    "trials": """
SELECT number, subject, stage, seed, repeat, result, wall, cpu, memory, ts FROM evaluations
""",
}
