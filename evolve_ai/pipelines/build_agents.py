"""`evolve build`: builds agents as their folders are now, without any change to the history."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.agent import AgentRecord, Fault
from evolve_ai.model.errors import NoPopulationError
from evolve_ai.model.population_report import BuildNumbers
from evolve_ai.model.report import BuildProgress, BuildVerdict, ScanReport
from evolve_ai.model.status import BuildResult, BuildRow
from evolve_ai.pipelines.cycle_report import Stopwatch
from evolve_ai.session.components import Components
from evolve_ai.session.pool import open_pool
from evolve_ai.stages.agent_scan_update import scan
from evolve_ai.stages.build import request_of
from evolve_ai.stages.context import Context
from evolve_ai.stages.reading import synced_and_measured
from evolve_ai.state.registry import Registry


def build_agents(
    components: Components,
    registry: Registry,
    prefixes: Sequence[str],
    progress: Progress | None = None,
) -> BuildResult:
    """scan, sync, audit and build these agents, or all living ones, including quarantined ones.

    The registry is only read: an agent that fails here is quarantined by the next life-cycle.
    """
    clock = Stopwatch()
    agents = chosen(registry, prefixes)
    pool = open_pool(components, registry)
    builder = components.builder(pool)
    context = components.context(pool, cycle=0)
    unseen = {agent: replace(record, stamp="") for agent, record in agents.items()}
    scanned = scan(context, unseen, {}, living=len(registry.living()))
    clock.lap("scan")
    audited = synced_and_measured(context, scanned, clock.lap)
    units = 0

    def watch(news: BuildProgress) -> None:
        nonlocal units
        units = news.units
        if progress is not None:
            progress(news)

    fingerprints = _fingerprints(context, audited)
    requests = [
        request_of(fingerprints[report.id], report.genome)
        for report in audited
        if report.genome is not None and report.id in fingerprints
    ]
    verdicts = {one.agent: one for one in builder.build(requests, watch)} if requests else {}
    clock.lap("build")
    return _result([_row(report, verdicts.get(report.id)) for report in audited], units, clock.laps)


def chosen(registry: Registry, prefixes: Sequence[str]) -> Mapping[str, AgentRecord]:
    """The chosen agents by place, without duplicates. NoPopulationError when none is alive."""
    asked = {registry.alive(prefix).id for prefix in prefixes}
    living = registry.living()
    if not living:
        raise NoPopulationError(
            "no agent is alive here", where=registry.path, todo="found agents: evolve init 100"
        )
    return {agent: record for agent, record in living.items() if agent in asked or not asked}


def _fingerprints(context: Context, reports: Sequence[ScanReport]) -> dict[str, str]:
    """The fingerprints of all agents that may be compiled."""
    return {
        report.id: context.substrate.fingerprint(report.genome, context.pool)
        for report in reports
        if report.fault is None and report.genome is not None
    }


def _row(report: ScanReport, verdict: BuildVerdict | None) -> BuildRow:
    fault: Fault | None = verdict.fault if verdict else report.fault
    word = "failed" if fault or verdict is None else "reused" if verdict.reused else "compiled"
    return BuildRow(
        id=report.id,
        fingerprint=verdict.fingerprint if verdict else None,
        verdict=word,
        cause=str(fault.cause) if fault else None,
        reason=fault.reason if fault else None,
    )


def _result(rows: list[BuildRow], units: int, seconds: Mapping[str, float]) -> BuildResult:
    words = [row.verdict for row in rows]
    return BuildResult(
        totals=BuildNumbers(
            requested=len(rows),
            compiled=words.count("compiled"),
            reused=words.count("reused"),
            failed=words.count("failed"),
        ),
        units=units,
        seconds=round(sum(seconds.values()), 6),
        steps=dict(seconds),
        agents=rows,
    )
