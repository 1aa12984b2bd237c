"""The verb sync: makes the wiring in an agent's folder say what its genome says.

Only generated files are ever written. A gene file is written once, when the genome names code
that the folder lacks (a gene of the pool that the agent took up); an existing one is never
touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import EvolveError, StorageError
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import ScanReport
from evolve_ai.stages.agent_scan_update import rules_of
from evolve_ai.stages.context import Context
from evolve_ai.system.agent_folder import Rules, StampPlan, as_before, stamp
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import is_full, publish_if_changed


@dataclass(frozen=True, slots=True)
class SyncTask:
    """A chunk for a worker."""

    agents: Path
    sources: Path
    substrate: Substrate
    manifests: Mapping[str, bytes]
    rules: Rules
    reports: tuple[ScanReport, ...]


def sync(context: Context, reports: tuple[ScanReport, ...]) -> tuple[ScanReport, ...]:
    """The same reports, with the stamps of the synced folders and faults where files lack."""
    tasks = [
        SyncTask(
            context.project.agents,
            context.project.sources,
            context.substrate,
            context.pool.manifests,
            rules_of(context),
            chunk,
        )
        for chunk in chunked(reports, max(1, context.settings.cycle.chunk // 8))
    ]
    return tuple(report for chunk in context.executor.map(sync_chunk, tasks) for report in chunk)


def sync_chunk(task: SyncTask) -> tuple[ScanReport, ...]:
    plan = task.rules.stamp_plan()
    return tuple(_synced(task, plan, report) for report in task.reports)


def _synced(task: SyncTask, plan: StampPlan, report: ScanReport) -> ScanReport:
    if report.fault is not None or report.genome is None:
        return report
    folder = task.agents / report.id
    as_scanned = as_before(report.stamp, stamp(folder, plan))
    try:
        taken_up = _write_missing(folder, report.genome, ContentStore(task.sources))
        wrote = write_wiring(folder, generated(task.substrate, report.genome, task.manifests))
    except StorageError as error:
        if is_full(error):
            raise
        return replace(report, fault=Fault(Cause.GENOME, f"{error.where}: {error.what}"))
    except MissingCodeError as error:
        return replace(report, fault=Fault(Cause.GENOME, error.what))
    except OSError as error:
        return replace(report, fault=Fault(Cause.GENOME, str(error)))
    if not taken_up and not wrote:
        return report
    # What somebody has changed since the scan has read it is for the next scan to find.
    return replace(report, stamp=stamp(folder, plan)) if as_scanned else report


def generated(
    substrate: Substrate, genome: Genome, manifests: Mapping[str, bytes]
) -> dict[str, bytes]:
    """All files of an agent that we write, by relative path."""
    return {**substrate.wiring(genome), **substrate.manifests(manifests, genome.id)}


def write_wiring(folder: Path, files: Mapping[str, bytes]) -> int:
    """Write what differs; the number of files written."""
    return sum(publish_if_changed(folder / name, data) for name, data in files.items())


class MissingCodeError(EvolveError):
    """A genome names code that neither the folder nor the content store holds."""


def _write_missing(folder: Path, genome: Genome, store: ContentStore) -> int:
    missing = [gene for gene in genome.files if not (folder / gene.path).exists()]
    for gene in missing:
        data = store.get(gene.code)
        if data is None:
            raise MissingCodeError(
                f"{gene.path}: the folder lacks it and no code {gene.code[:12]}… is known"
            )
        publish_if_changed(folder / gene.path, data)
    return len(missing)
