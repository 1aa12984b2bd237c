"""From scan to measure, as one step: of folders that are written, and of those only looked at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evolve_ai.model.report import ScanReport, SourceReport
from evolve_ai.stages.agent_scan_update import Scanned, gene_code, rules_of, scan_folder, viable
from evolve_ai.stages.audit import audit
from evolve_ai.stages.context import Context
from evolve_ai.stages.genome_sync import sync
from evolve_ai.stages.metrics import measure
from evolve_ai.system.agent_folder import stamp
from evolve_ai.system.content_store import Reading
from evolve_ai.system.verdict_store import VerdictStore


@dataclass(frozen=True, slots=True)
class KnownCode:
    """Gene code by SHA-256, and which of it was known from before."""

    sources: Mapping[str, SourceReport]
    cached: frozenset[str]


def _untimed(part: str) -> None:
    """Nobody asks how long it takes."""


def synced_and_measured(
    context: Context, scanned: Scanned, lap: Callable[[str], object] = _untimed
) -> tuple[ScanReport, ...]:
    """sync, audit, measure. `lap` is told of each part that is over."""
    synced = sync(context, scanned.reports)
    lap("sync")
    measured = measure(audit(synced, scanned.sources), scanned.sources)
    lap("audit")
    return measured


def looked_at(context: Context, agents: Iterable[str], store: Reading) -> list[ScanReport]:
    """What lies in the folders, nothing is written; the code is read into `store`."""
    rules = rules_of(context)
    plan = rules.stamp_plan()
    folder_of = context.project.agent
    return [
        scan_folder(folder, agent, stamp(folder, plan), rules, store.put)
        for agent, folder in ((agent, folder_of(agent)) for agent in agents)
    ]


def known_code(context: Context, reports: Sequence[ScanReport], store: Reading) -> KnownCode:
    """Whatever these agents hold, be it active or not; what is known is not read again."""
    paths = gene_code(reports)  # a verdict is no use where the code is lost
    held = {code: data for code in paths if (data := store.get(code)) is not None}
    with VerdictStore(context.project.verdicts, context.policy, looks_only=True) as verdicts:
        cached = verdicts.get({code: paths[code] for code in held})
    manifests, read = context.pool.manifests, context.substrate.read_source
    fresh = {
        code: read(paths[code], data, manifests)
        for code, data in held.items()
        if code not in cached
    }
    return KnownCode({**cached, **fresh}, frozenset(cached))


def with_faults(
    context: Context, reports: Iterable[ScanReport], sources: Mapping[str, SourceReport]
) -> tuple[ScanReport, ...]:
    """The same reports, with a fault for each genome that cannot live with these sources, and for
    each agent whose active code is refused."""
    return audit(tuple(viable(context, report, sources) for report in reports), sources)
