"""Applies a scan to the agents: new genomes, mutations, quarantine, revival."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import Genome, GenomeError, decode
from evolve_ai.model.report import ScanReport
from evolve_ai.model.restart import backoff_of, with_backoff
from evolve_ai.stages.agent_scan_update import changes, genome_hash
from evolve_ai.stages.context import Context
from evolve_ai.system.agent_folder import as_before

CODE_CAUSES = frozenset(map(str, (Cause.GENOME, Cause.AUDIT, Cause.BUILD)))


@dataclass(frozen=True, slots=True)
class Updated:
    """The population after a scan. `rebuilt` are the genomes whose program may have changed."""

    agents: Mapping[str, AgentRecord]
    rebuilt: Mapping[str, Genome]
    genomes: Mapping[str, bytes]
    events: tuple[Event, ...]


def update(
    context: Context,
    agents: Mapping[str, AgentRecord],
    reports: tuple[ScanReport, ...],
    genome_of: Callable[[str], bytes],
) -> Updated:
    """Apply scan reports. `genome_of` tells the genome by which an agent was last known."""
    records: dict[str, AgentRecord] = {}
    rebuilt: dict[str, Genome] = {}
    genomes: dict[str, bytes] = {}
    events: list[Event] = []
    for report in reports:
        record = agents[report.id]
        if report.fault is not None or report.genome is None:
            fault = report.fault or Fault(Cause.GENOME, "no genome")
            changed, told = quarantine(record, fault, context.cycle)
            records[record.id] = replace(changed, stamp=report.stamp)
            events += told
            continue
        data = report.genome_bytes
        changed = _with_report(record, report, genome_hash(data))
        if changed.genome_hash != record.genome_hash:
            genomes[record.id] = data
            names = context.substrate.genes
            events += _mutation(genome_of(record.id), report.genome, context.cycle, names)
        if _set_back(changed) and _curable(record, changed, report.unpacked):
            changed = revived(changed)
        records[record.id] = changed
        if changed.state is not State.QUARANTINED:
            rebuilt[record.id] = report.genome
    return Updated({**agents, **records}, rebuilt, genomes, tuple(events))


def quarantine(
    record: AgentRecord, fault: Fault, cycle: int
) -> tuple[AgentRecord, tuple[Event, ...]]:
    """The agent set aside, with the event unless it already was for the same reason.

    If it has a process, its end is still to come, and to be told of: see supervise.run.
    """
    already = record.state is State.QUARANTINED and record.reason == fault.reason
    changed = replace(record, state=State.QUARANTINED, cause=str(fault.cause), reason=fault.reason)
    if already:
        return changed, ()
    data = {"cause": str(fault.cause), "reason": fault.reason}
    return changed, (Event(Kind.QUARANTINE, cycle, record.id, data),)


def told_of_altered(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Whose program was altered; programs do not change by themselves: no seed brings that about
    again."""
    altered = [fault for fault in faults if fault.cause is Cause.SIGNATURE]
    return tuple(f"{len(altered)} agents set aside: {fault.reason}" for fault in altered[:1])


def revived(record: AgentRecord) -> AgentRecord:
    """An agent whose code changed begins its failures afresh."""
    forgiven = with_backoff(record, backoff_of(record).forgiven())
    return replace(forgiven, state=State.EMBRYO, cause=None, reason=None, quarantine_cycles=0)


def _with_report(record: AgentRecord, report: ScanReport, hashed: str) -> AgentRecord:
    assert report.genome is not None
    metrics = report.metrics or record.metrics
    return replace(
        record,
        stamp=report.stamp,
        genome_hash=hashed,
        metrics=metrics,
        active_genes=metrics.active_genes,
        mutations=tuple(sorted(report.genome.mutations.items())),
    )


def _set_back(record: AgentRecord) -> bool:
    """In quarantine, or waiting for its next try."""
    waits = record.state is State.WAITING and record.retry_at is not None
    return waits or record.state is State.QUARANTINED


def _curable(before: AgentRecord, after: AgentRecord, unpacked: bool) -> bool:
    """Failures end when the genome or the code changed, or when the files were put right.

    A folder of an older version (`unpacked`) differs from its stamp, and no code has changed.
    """
    if before.genome_hash != after.genome_hash:
        return True
    if unpacked and before.cause == Cause.BUILD:
        return False
    return before.cause in CODE_CAUSES and not as_before(before.stamp, after.stamp)


def _mutation(known: bytes, now: Genome, cycle: int, names: GeneNames) -> tuple[Event, ...]:
    try:
        before = decode(known)
    except GenomeError:
        return ()
    told, operators = changes(before, now, names)
    if not told:
        return ()
    data = {"operators": list(operators), "changes": list(told)}
    return (Event(Kind.MUTATION, cycle, now.id, data),)
