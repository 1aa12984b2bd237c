"""The verb build: gives every agent that may run a program, or the reason why not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from evolve_ai.contracts.substrate import Builder, Progress
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.errors import LeftBehindError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.model.restart import backoff_of, with_backoff
from evolve_ai.model.tally import Counts
from evolve_ai.stages.context import Context
from evolve_ai.stages.update import quarantine, told_of_altered


@dataclass(frozen=True, slots=True)
class Built:
    """The population after building; the programs that are known, by fingerprint."""

    agents: Mapping[str, AgentRecord]
    programs: Mapping[str, Program]
    events: tuple[Event, ...]
    counts: Counts
    taints: tuple[str, ...] = ()
    awaited: frozenset[str] = frozenset()  # of whom the builder said nothing yet


def build(
    context: Context,
    agents: Mapping[str, AgentRecord],
    rebuilt: Mapping[str, Genome],
    programs: Mapping[str, Program],
    builder: Builder,
    genome_of: Callable[[str], Genome],
    progress: Progress | None = None,
    awaited: Collection[str] = (),
) -> Built:
    """Build what changed, and what should run but has no known program (so all, in a new run:
    another toolchain or profile gives other fingerprints). `awaited`: changed, with no verdict."""
    genomes = {
        record.id: genome_of(record.id)
        for record in agents.values()
        if wants_program(record) and record.fingerprint not in programs and record.id not in rebuilt
    }
    genomes |= rebuilt
    fingerprint_of = context.substrate.fingerprint
    fingerprints = {agent: fingerprint_of(one, context.pool) for agent, one in genomes.items()}
    changed = {
        agent: replace(agents[agent], fingerprint=fingerprint)
        for agent, fingerprint in fingerprints.items()
        if agents[agent].fingerprint != fingerprint
    }
    agents = {**agents, **changed}
    requests = [
        request_of(fingerprint, genomes[agent])
        for agent, record in agents.items()
        if (fingerprint := fingerprints.get(agent)) is not None
        and fingerprint not in programs
        and wants_program(record)
    ]
    verdicts = _verdicts(builder, requests, progress) if requests else ()
    programs = _still_there(programs) if verdicts else programs
    known = {one.fingerprint: one.program for one in verdicts if one.program is not None}
    # Of an agent that is as it was, only a program that had to be made again is news.
    news = [v for v in verdicts if v.agent in changed or v.agent in awaited or not v.reused]
    waiting = frozenset(r.agent for r in requests).difference(v.agent for v in verdicts)
    return replace(_concluded(context, agents, {**programs, **known}, news), awaited=waiting)


def _verdicts(
    builder: Builder, requests: Sequence[BuildRequest], progress: Progress | None
) -> Sequence[BuildVerdict]:
    """Where a build leaves somebody behind, nobody is to blame, and none is built until another run
    finds him gone; that is told, and taints."""
    try:
        return builder.build(requests, progress)
    except LeftBehindError as error:
        fault = Fault(Cause.BUILD, str(error))
        return [BuildVerdict(r.agent, r.fingerprint, fault=fault, outside=True) for r in requests]


def _still_there(programs: Mapping[str, Program]) -> Mapping[str, Program]:
    """A builder that finds a program altered sets its file aside, with all that ran from it."""
    files = {program.file for program in programs.values()}
    gone = {file for file in files if not file.exists()}
    if not gone:
        return programs
    return {one: program for one, program in programs.items() if program.file not in gone}


def request_of(fingerprint: str, genome: Genome) -> BuildRequest:
    calls = tuple((gene.path, name) for gene, name in genome.active_genes())
    files = tuple((gene.path, gene.code) for gene in genome.active_files())
    return BuildRequest(genome.id, fingerprint, calls, files)


def wants_program(record: AgentRecord) -> bool:
    return bool(record.fingerprint) and record.state not in (State.QUARANTINED, State.DEAD)


def _concluded(
    context: Context,
    agents: Mapping[str, AgentRecord],
    programs: Mapping[str, Program],
    verdicts: Sequence[BuildVerdict],
) -> Built:
    records: dict[str, AgentRecord] = {}
    events: list[Event] = []
    taints: list[str] = []
    failed = 0
    for verdict in verdicts:
        data = {"fingerprint": verdict.fingerprint, "verdict": _word(verdict)}
        events.append(Event(Kind.BUILD, context.cycle, verdict.agent, data))
        failed += verdict.fault is not None
        if verdict.fault is not None and verdict.outside:
            reason = _brief(verdict.fault, 300).reason
            draw = context.draws.rng("restart", context.cycle, verdict.agent).random()
            record = agents[verdict.agent]
            backoff = backoff_of(record).refused(context.now, draw, context.line)
            records[record.id] = with_backoff(record, backoff)
            taints.append(f"agent {verdict.agent} waits for another run to be built: {reason}")
        elif verdict.fault is not None:
            records[verdict.agent], told = quarantine(
                agents[verdict.agent], _brief(verdict.fault), context.cycle
            )
            events += told
    taints += told_of_altered(v.fault for v in verdicts if v.fault is not None)
    reused = sum(1 for v in verdicts if v.reused and v.fault is None)
    counts = Counts(len(verdicts), len(verdicts) - failed - reused, reused, failed)
    return Built({**agents, **records}, programs, tuple(events), counts, tuple(taints))


def told_of_builds(built: Built) -> tuple[str, ...]:
    """The reason of the first build that failed, for whoever watches; the others are events."""
    reasons = (str(event.data["reason"]) for event in built.events if event.kind is Kind.QUARANTINE)
    return tuple(f"a build failed: {reason.splitlines()[0]}" for reason in islice(reasons, 1))


def _word(verdict: BuildVerdict) -> str:
    if verdict.fault is not None:
        return "failed"
    return "reused" if verdict.reused else "compiled"


def _brief(fault: Fault, limit: int = 2000) -> Fault:
    if len(fault.reason) <= limit:
        return fault
    return Fault(fault.cause, fault.reason[:limit] + " …")
