"""Restores lost folders of living agents from the registry and the content store."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import GenomeError, decode
from evolve_ai.model.report import ScanReport, SourceReport
from evolve_ai.stages.agent_scan_update import Scanned, scan
from evolve_ai.stages.birth import BirthTask, bear_chunk, nursery_of
from evolve_ai.stages.context import Context
from evolve_ai.stages.genome_sync import MissingCodeError
from evolve_ai.system.files import publish
from evolve_ai.system.genome_file import GENOME

GenomeOf = Callable[[str], bytes]
_NAMED = 100  # agents that the event names at most


@dataclass(frozen=True, slots=True)
class Looked:
    """The result of a scan, after lost folders were restored.

    The process of an agent in a lost folder must be replaced by one in the new folder: so the
    agent's record says that no known program runs.
    """

    scanned: Scanned
    agents: Mapping[str, AgentRecord]
    events: tuple[Event, ...] = ()
    taints: tuple[str, ...] = ()


def look(
    context: Context,
    agents: Mapping[str, AgentRecord],
    sources: Mapping[str, SourceReport],
    genome_of: GenomeOf,
) -> Looked:
    """Scan, and restore what is gone. StorageError when most is gone: a disk may be unmounted."""
    scanned = scan(context, agents, sources)
    suspects = [r.id for r in scanned.reports if _is_bare(context.project.agent(r.id))]
    made = restore(context, suspects, genome_of)
    if not made:
        return Looked(scanned, agents)
    renewed = {
        agent: replace(agents[agent], running_fingerprint="", stamp="")
        for agent in made
        if agent in agents
    }
    again = scan(context, renewed, scanned.sources, living=len(agents))
    reports = {report.id: report for report in (*scanned.reports, *again.reports)}
    order: tuple[ScanReport, ...] = tuple(reports[r.id] for r in scanned.reports)
    return Looked(
        Scanned(order, again.sources),
        {**agents, **renewed},
        (told_of(made, context.cycle),),
        (reason_of(made),),
    )


def restore(context: Context, agents: Iterable[str], genome_of: GenomeOf) -> tuple[str, ...]:
    """The agents whose folder, or genome in it, was restored. Existing files are not touched. An
    agent is left out if its code is no longer known."""
    return tuple(agent for agent in agents if _restored(context, agent, genome_of(agent)))


def bare(folders: Path, agents: Iterable[str]) -> list[str]:
    """The agents that have no folder, or no genome in it."""
    return [agent for agent in agents if _is_bare(folders / agent)]


def told_of(made: tuple[str, ...], cycle: int) -> Event:
    data = {"command": "folders", "restored": list(made[:_NAMED]), "count": len(made)}
    return Event(Kind.COMMAND, cycle, None, data)


def reason_of(made: tuple[str, ...]) -> str:
    return (
        f"the folders of {len(made)} agents ({', '.join(agent[:13] for agent in made[:5])}"
        f"{' …' if len(made) > 5 else ''}) were gone or had no genome, and are made "
        "anew from the registry"
    )


def _is_bare(folder: Path) -> bool:
    """True without folder or genome.bin. A foreign object in their place is left to the scan."""
    return not os.path.lexists(folder) or (
        folder.is_dir() and not folder.is_symlink() and not os.path.lexists(folder / GENOME)
    )


def _restored(context: Context, agent: str, data: bytes) -> bool:
    folder = context.project.agent(agent)
    try:
        genome = decode(data)
        if os.path.lexists(folder):
            publish(folder / GENOME, data)
        else:
            bear_chunk(BirthTask(nursery_of(context), (genome,)))
    except (GenomeError, MissingCodeError):
        return False
    return True
