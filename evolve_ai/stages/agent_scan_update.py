"""The verb scan: finds which genomes and code have changed since the last look, and how."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.agent import AgentRecord, Cause, Fault
from evolve_ai.model.errors import StorageError
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome, GenomeError, encode
from evolve_ai.model.report import ScanReport, SourceReport
from evolve_ai.stages.context import Context, hash_of, hashes_of
from evolve_ai.system.agent_folder import (
    Rules,
    read_contents,
    same_stamp,
    stamp,
    without_proof,
)
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.genome_file import GENOME, take
from evolve_ai.system.moment import are_ticks
from evolve_ai.system.verdict_store import VerdictStore

Put = Callable[[bytes], str]  # of a content store


@dataclass(frozen=True, slots=True)
class ScanTask:
    """A chunk for a worker: ids with the stamps and genome hashes under which they are known."""

    agents: Path
    sources: Path
    rules: Rules
    known: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class SourceTask:
    """A chunk for a worker: gene files by path and SHA-256, read from the content store."""

    substrate: Substrate
    sources: Path
    manifests: Mapping[str, bytes]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scanned:
    """The agents that changed, and all gene code that is known, by SHA-256."""

    reports: tuple[ScanReport, ...]
    sources: Mapping[str, SourceReport]


def scan(
    context: Context,
    agents: Mapping[str, AgentRecord],
    sources: Mapping[str, SourceReport],
    living: int | None = None,
) -> Scanned:
    """Look at these agents' folders; only what changed is read, parsed and reported.

    `living`: how many are alive, where these are not all.
    """
    rules = rules_of(context)
    chunks = chunked(agents.values(), context.settings.cycle.chunk)
    tasks = [_task(context, rules, chunk) for chunk in chunks]
    reports = [report for chunk in context.executor.map(scan_chunk, tasks) for report in chunk]
    _refuse_a_landslide(context, reports, len(agents) if living is None else living)
    sources = with_sources(context, sources, reports)
    return Scanned(tuple(viable(context, report, sources) for report in reports), sources)


def _refuse_a_landslide(context: Context, reports: Sequence[ScanReport], living: int) -> None:
    """A folder that is gone is its agent's death; half of all folders are an accident of ours."""
    gone = sum(1 for report in reports if not report.stamp)
    if gone > 1 and 2 * gone > living:
        raise StorageError(
            f"the folders of {gone} of {living} living agents are gone; nobody was harmed yet",
            where=context.project.agents,
            todo="put them back (is a disk unmounted?), then run again; if they are lost, make "
            "them anew from the registry: evolve revive --lost",
        )


def _task(context: Context, rules: Rules, records: Sequence[AgentRecord]) -> ScanTask:
    return ScanTask(
        context.project.agents,
        context.project.sources,
        rules,
        tuple((record.id, record.stamp, record.genome_hash) for record in records),
    )


def rules_of(context: Context) -> Rules:
    manifests, substrate = context.pool.manifests, context.substrate
    generated = substrate.wiring_files | manifests.keys()
    basis = f"{hash_of(manifests)} {context.policy}"  # under another policy all are looked at again
    return Rules(
        substrate.genes,
        hashes_of(context.pool.fixed),
        generated,
        substrate.ignored,
        basis,
        hashes_of(context.pool.unpacked),
        are_ticks(context.project.agents),
    )


def scan_chunk(task: ScanTask) -> tuple[ScanReport, ...]:
    # Most agents have the same files: each is put, and looked for in the store, once.
    put = cache(ContentStore(task.sources).put)
    plan = task.rules.stamp_plan()
    reports = []
    for agent, before, known in task.known:
        folder = task.agents / agent
        now = stamp(folder, plan)
        if not same_stamp(before, now):
            if take(folder, known):
                now = stamp(folder, plan)
            reports.append(scan_folder(folder, agent, now, task.rules, put, known))
    return tuple(reports)


def scan_folder(
    folder: Path, agent: str, now: str, rules: Rules, put: Put, known: str = ""
) -> ScanReport:
    """Read a folder that has changed, and change nothing in it; `now` is its stamp, taken before,
    `known` the SHA-256 of the genome on record. Gene code is `put` into the store."""
    if not now:
        reason = "its folder cannot be read; put it back, or let it die"
        return ScanReport(agent, now, fault=Fault(Cause.GENOME, reason))
    contents = read_contents(folder, agent, rules, known)
    if contents.unpacked:
        now = without_proof(now)
    if contents.genome is None or contents.code is None:
        fault, unpacked = contents.fault, contents.unpacked
        return ScanReport(
            agent, now, contents.genome, contents.genome_bytes, fault=fault, unpacked=unpacked
        )
    codes = {path: put(data) for path, data in contents.code.items()}
    genome, data = with_codes(contents.genome, codes), contents.genome_bytes
    if genome is not contents.genome:
        try:
            data = encode(genome)
        except GenomeError as error:
            return ScanReport(agent, now, fault=Fault(Cause.GENOME, f"{GENOME}: {error}"))
    return ScanReport(agent, now, genome, data, tuple(codes.items()), unpacked=contents.unpacked)


def with_codes(genome: Genome, codes: Mapping[str, str]) -> Genome:
    """The genome with the code that really lies in the folder."""
    if all(codes.get(gene.path, gene.code) == gene.code for gene in genome.files):
        return genome
    files = tuple(replace(gene, code=codes.get(gene.path, gene.code)) for gene in genome.files)
    return replace(genome, files=files)


def gene_code(reports: Iterable[ScanReport]) -> dict[str, str]:
    """The gene code that these agents have, active or not: its path by SHA-256."""
    genomes = (report.genome for report in reports if report.genome is not None)
    return {gene.code: gene.path for genome in genomes for gene in genome.files}


def with_sources(
    context: Context, sources: Mapping[str, SourceReport], reports: Iterable[ScanReport]
) -> Mapping[str, SourceReport]:
    """Known gene code and, read by the workers, what these reports add to it."""
    named = gene_code(reports)
    wanted = {code: path for code, path in named.items() if code not in sources}
    if not wanted:
        return sources
    kept = ContentStore(context.project.sources)  # a verdict is no use where the code is lost
    with VerdictStore(context.project.verdicts, context.policy) as verdicts:
        known = verdicts.get({code: path for code, path in wanted.items() if kept.has(code)})
        read = _read(context, {code: path for code, path in wanted.items() if code not in known})
        verdicts.put(read.values())
    return {**sources, **known, **read}


def _read(context: Context, wanted: Mapping[str, str]) -> dict[str, SourceReport]:
    """Read by the workers. A file to parse is as much work as several folders to look at."""
    size = max(1, context.settings.cycle.chunk // 8)
    files = ((path, code) for code, path in wanted.items())
    tasks = [
        SourceTask(context.substrate, context.project.sources, context.pool.manifests, chunk)
        for chunk in chunked(files, size)
    ]
    chunks = context.executor.map(read_sources, tasks)
    return {source.code: source for chunk in chunks for source in chunk}


def read_sources(task: SourceTask) -> tuple[SourceReport, ...]:
    store = ContentStore(task.sources)
    found = ((path, store.get(code)) for path, code in task.files)
    return tuple(
        task.substrate.read_source(path, data, task.manifests)
        for path, data in found
        if data is not None
    )


def viable(context: Context, report: ScanReport, sources: Mapping[str, SourceReport]) -> ScanReport:
    """The report, with a fault for a genome that cannot live with these sources."""
    if report.fault is not None or report.genome is None:
        return report
    problem = context.substrate.viability(report.genome, sources)
    if problem is None:
        return report
    return replace(report, fault=Fault(Cause.GENOME, problem))


def changes(
    before: Genome, after: Genome, names: GeneNames
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what changed, by which operators) between two genomes of one agent.

    An operator counts when its counter rose; a change that no counter tells of is `by_hand`.
    """
    old = {gene.path: gene for gene in before.files}
    told: list[str] = []
    for gene in after.files:
        known = old.get(gene.path)
        if known is None:
            told.append(f"+{gene.stem}")
            continue
        if known.code != gene.code:
            told.append(f"code {gene.stem}")
        if known.active != gene.active:
            told.append(f"{'+' if gene.active else '-'}{gene.stem}")
        was = dict(known.functions)
        told += [
            f"{'+' if active else '-'}{names.call(gene.path, name)}"
            for name, active in gene.functions
            if was.get(name) != active
        ]
    paths = {gene.path for gene in after.files}
    told += [f"-{gene.stem}" for path, gene in old.items() if path not in paths]
    traits = {**before.traits, **after.traits}
    told += [
        f"{name[:60]} {before.traits.get(name)} -> {after.traits.get(name)}"
        for name in traits
        if before.traits.get(name) != after.traits.get(name)
    ]
    if not told and _order(before) != _order(after):
        told.append("order")
    operators = tuple(
        name[:60]
        for name, count in after.mutations.items()
        if count > before.mutations.get(name, 0)
    )
    return tuple(told), operators or ("by_hand",)


def _order(genome: Genome) -> list[tuple[str, list[str]]]:
    return [(gene.path, [name for name, _ in gene.functions]) for gene in genome.files]


def genome_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
