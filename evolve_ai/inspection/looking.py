"""Reads a population for `evolve status` and `evolve agents`: fast, however many have died.

It reads a few columns of the living, and only the number of the dead. Both commands import what is
imported here: so nothing here builds, boxes or checks settings.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from math import fsum
from typing import Any

from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.model.agent import State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.outline import Outline
from evolve_ai.model.population_report import (
    AgentRow,
    BudgetNumbers,
    BuildNumbers,
    FitnessNumbers,
    GenerationNumbers,
    PopulationCounts,
    Status,
)
from evolve_ai.model.remedy import remedy
from evolve_ai.model.tally import NO_HISTORY
from evolve_ai.session.holding import life_cycle
from evolve_ai.state.reader import Reader
from evolve_ai.state.traces import no_population
from evolve_ai.system.consumption import in_their_folders
from evolve_ai.system.housekeeping import Housekeeping
from evolve_ai.system.project import Folders

NOT_TRIED = "asked for; no life-cycle has run yet"
_ROW = tuple(field.name for field in fields(AgentRow))


def last_sandbox(level: str, registry: Reader) -> str:
    """The sandbox of the last life-cycle, as a line that begins with its level; before the first
    life-cycle, the `level` of the settings."""
    return registry.state.sandbox or f"{level}: {NOT_TRIED}"


@contextmanager
def founded(folders: Folders) -> Iterator[Reader]:
    """The registry; NoPopulationError for one to which an init or life-cycle has added no agent."""
    with Reader.read(folders.registry) as registry:
        if not registry.state.is_founded:
            raise no_population(folders.registry)
        yield registry


def agent_rows(folders: Folders, everyone: bool) -> list[AgentRow]:
    """The living, fittest first, quarantined ones last; then, with `everyone`, the dead. Raises
    NoPopulationError where none was ever founded."""
    with founded(folders) as registry:
        living = _rows(registry.rows(_ROW))
        living.sort(key=lambda row: (row.is_set_aside, -(row.fitness or 0), row.place))
        known = as_they_are(folders, living)
        return [*known, *_rows(registry.rows(_ROW, dead=True))] if everyone else known


def sandbox_line(folders: Folders, outline: Outline) -> str:
    with Reader.read(folders.registry) as registry:
        return last_sandbox(outline.sandbox, registry)


def _rows(found: Iterable[Sequence[Any]]) -> list[AgentRow]:
    at = _ROW.index("parents")
    return [AgentRow(*(*row[:at], json.loads(row[at]), *row[at + 1 :])) for row in found]


def as_json(row: AgentRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _ROW}


def as_they_are(folders: Folders, rows: Iterable[AgentRow]) -> list[AgentRow]:
    """The rows, corrected where the process on record does not exist."""
    known = list(rows)
    pids = {row.id: row.pid for row in known if row.pid is not None}
    there = in_their_folders(pids, folders.agents)
    return [row if row.pid is None or row.id in there else _without_process(row) for row in known]


def _without_process(row: AgentRow) -> AgentRow:
    state = State.WAITING if row.state == State.RUNNING else row.state
    return replace(row, pid=None, state=str(state))


def status(folders: Folders, outline: Outline) -> Status:
    """Raises NoPopulationError where none was ever founded."""
    with founded(folders) as registry:
        return status_of(folders, outline, registry)


def status_of(folders: Folders, outline: Outline, registry: Reader) -> Status:
    living = as_they_are(folders, _rows(registry.rows(_ROW)))
    state = registry.state
    last = registry.last_cycle() or Cycle(0, NO_HISTORY, Summary())
    totals = last.summary.totals.plus(state.tally)
    founders, deaths = registry.founders_fitness(), registry.deaths()
    held = life_cycle(folders)
    return Status(
        project=str(folders.root),
        life_cycle=held.pid if held else None,
        life_cycle_elsewhere=held is not None and held.elsewhere,
        cycle=last.number,
        tick=last.summary.tick,
        mode=outline.mode,
        paused=state.paused is not None,
        tainted=state.tainted,
        population=_counts(living, deaths, founders[0]),
        places=state.places or 0,
        generation=GenerationNumbers(
            max=max((row.generation for row in living), default=0),
            mean=_mean([row.generation for row in living]) or 0.0,
        ),
        fitness=_fitness(living, *founders[1:]),
        builds=BuildNumbers(**asdict(totals.builds)),
        restarts=totals.restarts,
        deaths=deaths,
        budgets=_budgets(folders, outline, living, ColonyLayout.of_last_run(registry).colonies),
        inputs_changed=last_change(registry),
        sandbox=last_sandbox(outline.sandbox, registry),
        history_digest=last.digest,
    )


def _budgets(
    folders: Folders, outline: Outline, living: Sequence[AgentRow], colonies: int
) -> dict[str, BudgetNumbers]:
    """The present use. A running life-cycle may have set its limits earlier, when it began."""
    ids = [row.id for row in living]
    pids = [row.pid for row in living if row.pid is not None]
    found = Housekeeping(folders, outline.budget, ids, colonies).budgets(ids, pids)
    return {
        str(b.resource): BudgetNumbers(
            used=b.used,
            allowed=b.allowed,
            parts=dict(b.parts),
            remedy=remedy(b) if b.tight else None,
        )
        for b in found
    }


def last_change(registry: Reader) -> str | None:
    """When and how the inputs last changed between two runs, in words."""
    found = registry.state.inputs_changed
    return None if found is None else f"after cycle {found.cycle}: {'; '.join(found.changed)}"


def _counts(
    living: Sequence[AgentRow], deaths: Mapping[str, int], founders: int
) -> PopulationCounts:
    dead = sum(deaths.values())
    return PopulationCounts(
        alive=len(living),
        running=sum(1 for row in living if row.state == State.RUNNING),
        quarantined=sum(1 for row in living if row.is_set_aside),
        dead=dead,
        born=len(living) + dead - founders,
        founders=founders,
    )


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _fitness(living: Sequence[AgentRow], best: float | None, mean: float | None) -> FitnessNumbers:
    now = [row.fitness for row in living if row.fitness is not None and not row.is_set_aside]
    return FitnessNumbers(
        best=max(now, default=None),
        mean=_mean(now),
        founders_best=best,
        founders_mean=mean,
    )
