"""The verb sync: makes the wiring in an agent's folder say what its genome says.

Only generated files are ever written. A gene file is written once, when the genome names code
that the folder lacks (a gene of the pool that the agent took up); an existing one is never
touched. A kernel that an older version has laid out in many files is packed once.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import EvolveError, StorageError
from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import ScanReport
from evolve_ai.stages.agent_scan_update import rules_of
from evolve_ai.stages.context import Context
from evolve_ai.system.agent_folder import Rules, StampPlan, as_before, stamp
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import holds, is_full, opened, publish, publish_if_changed


@dataclass(frozen=True, slots=True)
class SyncTask:
    """A chunk for a worker."""

    agents: Path
    sources: Path
    substrate: Substrate
    manifests: Mapping[str, bytes]
    rules: Rules
    reports: tuple[ScanReport, ...]
    fixed: Mapping[str, bytes]  # where a kernel is to be packed


def sync(context: Context, reports: tuple[ScanReport, ...]) -> tuple[ScanReport, ...]:
    """The same reports, with the stamps of the synced folders and faults where files lack."""
    rules = rules_of(context)
    chunks = chunked(reports, max(1, context.settings.cycle.chunk // 8))
    tasks = [_task(context, rules, chunk) for chunk in chunks]
    synced = context.executor.map(sync_chunk, tasks)
    touched = {report.id: report for chunk in synced for report in chunk}
    return tuple(touched.get(report.id, report) for report in reports)


def _task(context: Context, rules: Rules, reports: tuple[ScanReport, ...]) -> SyncTask:
    project, pool = context.project, context.pool
    fixed = pool.fixed if any(report.unpacked for report in reports) else {}
    return SyncTask(
        project.agents,
        project.sources,
        context.substrate,
        pool.manifests,
        rules,
        reports,
        dict(fixed),
    )


def sync_chunk(task: SyncTask) -> tuple[ScanReport, ...]:
    """The reports that are different now: most folders are as they should be."""
    # What somebody changes while we write must not look settled: the next scan reads it again.
    plan = replace(task.rules, ticking=False).stamp_plan()
    synced = ((report, _synced(task, plan, report)) for report in task.reports)
    return tuple(now for before, now in synced if now is not before)


def _synced(task: SyncTask, plan: StampPlan, report: ScanReport) -> ScanReport:
    if report.fault is not None or report.genome is None:
        return report
    folder, found = task.agents / report.id, dict(report.codes)
    made = generated(task.substrate, report.genome, task.manifests)
    lacking = [gene for gene in report.genome.files if gene.path not in found]
    stale = {name: data for name, data in made.items() if not holds(folder / name, data)}
    if not lacking and not stale and not report.unpacked:
        return report
    as_scanned = as_before(report.stamp, stamp(folder, plan))
    try:
        _write_missing(folder, lacking, ContentStore(task.sources))
        for name, data in stale.items():
            publish(folder / name, data, durable=False)
        if report.unpacked:
            _pack(folder, task)
    except StorageError as error:
        if is_full(error):
            raise
        return replace(report, fault=Fault(Cause.GENOME, f"{error.where}: {error.what}"))
    except MissingCodeError as error:
        return replace(report, fault=Fault(Cause.GENOME, error.what))
    except OSError as error:
        return replace(report, fault=Fault(Cause.GENOME, str(error)))
    # What somebody has changed since the scan has read it is for the next scan to find.
    return replace(report, stamp=stamp(folder, plan)) if as_scanned else report


def generated(
    substrate: Substrate, genome: Genome, manifests: Mapping[str, bytes]
) -> dict[str, bytes]:
    """All files of an agent that we write, by relative path."""
    return {**substrate.wiring(genome), **substrate.manifests(manifests, genome.id)}


class MissingCodeError(EvolveError):
    """A genome names code that neither the folder nor the content store holds."""


def _write_missing(folder: Path, lacking: Sequence[FileGene], store: ContentStore) -> None:
    for gene in lacking:
        if (folder / gene.path).exists():
            continue  # it came after the scan
        data = store.get(gene.code)
        if data is None:
            raise MissingCodeError(
                f"{gene.path}: the folder lacks it and no code {gene.code[:12]}… is known"
            )
        publish_if_changed(folder / gene.path, data)


def _pack(folder: Path, task: SyncTask) -> None:
    """Put the fixed files in the place of those that an older version laid out.

    Whenever a crash comes, the folder builds as it is, and the next sync does the rest.
    """
    for name, data in task.fixed.items():
        if not holds(folder / name, data):
            publish(folder / name, data)  # durably: what it replaces is removed below
    files, folders = task.rules.replaced
    for name in files:
        place, _, last = name.rpartition("/")
        with suppress(FileNotFoundError), opened(folder / place) as home:
            os.unlink(last, dir_fd=home)
    for name in sorted(folders, reverse=True):
        with suppress(OSError):  # somebody has put a file there: the next scan refuses that
            (folder / name).rmdir()
