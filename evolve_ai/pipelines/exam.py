"""Examines founders and living agents, freshly started, on values that no agent has met."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.colony.bounds import joining
from evolve_ai.colony.boxes import EXAM, around_of, box_of
from evolve_ai.colony.colony_process import limits_of
from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.colony.season import turn
from evolve_ai.colony.supervisor import Supervisor
from evolve_ai.contracts.environment import Examination
from evolve_ai.contracts.substrate import Builder, Progress
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Order, Refused, Start
from evolve_ai.model.errors import LimitError, NoPopulationError, UsageError
from evolve_ai.model.genome import Genome, decode
from evolve_ai.model.report import GenePool, Program
from evolve_ai.model.status import ExamResult, Marks
from evolve_ai.model.world import Resident
from evolve_ai.pipelines.exam_check import check_held_out, told_in_words
from evolve_ai.session.components import Components
from evolve_ai.stages.build import request_of
from evolve_ai.state.registry import Registry
from evolve_ai.system.exits import Room
from evolve_ai.system.trees import discard

PURSE = 100_000  # thousandths of energy: enough that no agent runs out in an exam


@dataclass(frozen=True, slots=True)
class Examinee:
    """An agent to examine, with the genome of its founding or its present one."""

    genome: Genome
    data: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ExaminedGroup:
    """The scores of agents that were examined together, with the name of the main score; None for
    an agent that failed."""

    main: str
    scores: Sequence[Mapping[str, float] | None]


def examine(
    components: Components,
    registry: Registry,
    pool: GenePool,
    builder: Builder,
    progress: Progress | None = None,
    even_if_told: bool = False,
) -> ExamResult:
    """Examine founders and living agents, each group in its own world.

    Genomes without a program (they never built) are left out; an agent that fails in the exam has
    S = 0. Raises UsageError for a world without an exam, and for held-out values that agents were
    told (with `even_if_told` the result only mentions them); NoPopulationError without examinees.
    """
    held_out_told, warning = check_held_out(components, registry, even_if_told)
    first = [record.id for record in registry.founders()]
    founders = examinees_of(components, registry, pool, first, born=True)
    living = examinees_of(components, registry, pool, list(registry.living()), born=False)
    if not founders:
        raise NoPopulationError("no agent was ever founded here", todo="evolve init 100")
    programs = programs_for(builder, [*founders, *living], progress)
    groups: list[ExaminedGroup] = []
    for name, group in (("founders", founders), ("living", living)):
        able = [examinee for examinee in group if examinee.fingerprint in programs]
        examination = components.world.exam(len(able))
        if examination is None:
            raise UsageError(f"the world {components.world.name} has no exam")
        folder = components.project.workspace / EXAM / name
        groups.append(sit(components, pool, folder, able, programs, examination))
        stretch, baseline = examination.stretch, examination.baseline
    discard(components.project.workspace / EXAM)
    result = compared(groups[0], groups[1], baseline)
    return result.model_copy(
        update={
            "stretch": stretch,
            "told": told_in_words(registry),
            "held_out_told": held_out_told,
            "warning": warning,
        }
    )


def compared(
    founders: ExaminedGroup, living: ExaminedGroup, baseline: tuple[str, Mapping[str, float]]
) -> ExamResult:
    """Both groups beside the baseline; the fields about the stretch are filled in later."""
    founded, now = _marks(founders), _marks(living)
    gain = None
    if founded.median_s is not None and now.median_s is not None:
        gain = now.median_s - founded.median_s
    return ExamResult(
        founders=founded,
        living=now,
        persistence=_marks(ExaminedGroup(founders.main, (baseline[1],)), agents=0),
        baseline=baseline[0],
        score=founders.main,
        stretch="",
        told=None,
        held_out_told=0,
        warning=None,
        gain=gain,
    )


def examinees_of(
    components: Components, registry: Registry, pool: GenePool, ids: Sequence[str], born: bool
) -> list[Examinee]:
    found = []
    for agent in ids:
        data = registry.genome(agent, born)
        genome = decode(data)
        found.append(Examinee(genome, data, components.substrate.fingerprint(genome, pool)))
    return found


def programs_for(
    builder: Builder, examinees: Sequence[Examinee], progress: Progress | None = None
) -> Mapping[str, Program]:
    """The programs from the store; missing ones are built again."""
    by_fingerprint = {c.fingerprint: c.genome for c in examinees}
    verdicts = builder.build([request_of(*one) for one in by_fingerprint.items()], progress)
    return {v.fingerprint: v.program for v in verdicts if v.program is not None}


def sit(
    components: Components,
    pool: GenePool,
    folder: Path,
    examinees: Sequence[Examinee],
    programs: Mapping[str, Program],
    examination: Examination,
) -> ExaminedGroup:
    discard(folder)  # left over from an exam that was killed
    starts = [_start(components, folder, examinee, programs) for examinee in examinees]
    patience = components.project.settings.supervise
    room = Room.of(patience)
    program = keeper_program(components.project.workspace)
    join = joining(components.group, components.project.logs)
    limits = limits_of(patience)
    around = around_of(components.sandbox, components.project, components.substrate.needs, folder)
    box = box_of(components.sandbox, components.project, components.substrate.needs)
    with Supervisor(
        folder, program, epoch=1, box=box, limits=limits, room=room, join=join, around=around
    ) as supervisor:
        started = supervisor.start(starts)
        for outcome in started.values():
            if isinstance(outcome, Refused):
                raise LimitError(outcome.what, todo=outcome.todo)
        residents = [
            Resident(start.id, place, PURSE, 0.0, -1, not isinstance(started[start.id], Fault))
            for place, start in enumerate(starts)
        ]
        order = Order(0, 0, examination.ticks, len(starts), residents)
        turned = turn(examination.environment, supervisor, order)
        supervisor.stop(list(supervisor.running()))
    season = turned.season
    accounts = (season.accounts[start.id] for start in starts)
    return ExaminedGroup(
        season.main,
        tuple(one.scores if one.answered == examination.ticks else None for one in accounts),
    )


def _start(
    components: Components, folder: Path, examinee: Examinee, programs: Mapping[str, Program]
) -> Start:
    """Start in a folder without genome.bin: there an agent cannot mutate during the exam."""
    home = folder / examinee.genome.id
    home.mkdir(parents=True, exist_ok=True)
    return Start(
        id=examinee.genome.id,
        folder=home,
        program=programs[examinee.fingerprint],
        seed=components.draws.integer("agent", examinee.genome.id),
        genome=examinee.data,
        state=None,
        pool=(),
        tick=0,
    )


def _marks(group: ExaminedGroup, agents: int | None = None) -> Marks:
    """Medians. An agent that failed counts as 0 in the main score, and not at all in the others."""
    told = [scores for scores in group.scores if scores is not None]
    names = sorted({name for scores in told for name in scores} - {group.main})
    medians = {
        name: statistics.median(scores[name] for scores in told if name in scores) for name in names
    }
    main = [0.0 for scores in group.scores if scores is None]
    main += [scores[group.main] for scores in told if group.main in scores]
    return Marks(
        median_s=statistics.median(main) if main else None,
        median_error=medians.get("error"),
        scores=medians,
        agents=len(group.scores) if agents is None else agents,
    )
