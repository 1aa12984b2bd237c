"""The verb succeed: buries the condemned, brings their children to life."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from evolve_ai.contracts.variation import Variation
from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import Genome, GenomeError, encode
from evolve_ai.model.selection import Verdicts
from evolve_ai.stages.birth import Newborn, bear
from evolve_ai.stages.context import Context


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The living after births and deaths; the dead and the born of this cycle."""

    living: Mapping[str, AgentRecord]
    dead: tuple[AgentRecord, ...]
    born: tuple[AgentRecord, ...]
    genomes: Mapping[str, bytes]
    events: tuple[Event, ...]


def succeed(
    context: Context,
    agents: Mapping[str, AgentRecord],
    verdicts: Verdicts,
    variation: Variation,
    genome_of: Callable[[str], Genome],
    endowment: int,
    first_number: int,
    places: int,
    spare: Callable[[int], Sequence[str]] = lambda count: (),
) -> Succeeded:
    """Carry out verdicts. A child takes the lowest free place; its first parent endows it.

    `endowment` is in thousandths of energy; `first_number` numbers the first child; `spare` gives
    at most so many folders of the dead, to be used for children.
    """
    dead = tuple(buried(agents[agent], cause, context.cycle) for agent, cause in verdicts.deaths)
    gone = {record.id for record in dead}
    living = {agent: record for agent, record in agents.items() if agent not in gone}
    free = _free_places(living, places)
    conceived = [
        _conceive(context, [living[parent] for parent in parents], number, variation, genome_of)
        for number, parents in enumerate(verdicts.births[: len(free)])
    ]
    children = [child for child in conceived if child is not None]
    newborns = bear(context, tuple(child for child, _ in children), spare(len(children)))
    for child, _ in children:
        giver = living[child.parents[0]]
        living[giver.id] = replace(giver, energy=giver.energy - endowment)
    born = tuple(
        newborn_record(
            newborn, first_number + at, free[at], context.cycle, endowment, operators=operators
        )
        for at, (newborn, (_, operators)) in enumerate(zip(newborns, children, strict=True))
    )
    events = [death_event(record, context.cycle) for record in dead]
    events += [_birth_event(record, context.cycle) for record in born]
    living |= {record.id: record for record in born}
    genomes = {newborn.genome.id: newborn.genome_bytes for newborn in newborns}
    return Succeeded(living, dead, born, genomes, tuple(events))


def _free_places(living: Mapping[str, AgentRecord], places: int) -> list[int]:
    taken = {record.place for record in living.values()}
    return [place for place in range(places) if place not in taken]


def buried(record: AgentRecord, cause: str, cycle: int) -> AgentRecord:
    return replace(
        record,
        state=State.DEAD,
        cause=cause,
        reason=record.reason if cause == record.cause else None,
        died_cycle=cycle,
        pid=None,
        running_fingerprint="",
        stamp="",
        evidence=(),
        failures=(),
        consecutive_failures=0,
        refusals=0,
        retry_at=None,
        started_at=None,
    )


def newborn_record(
    newborn: Newborn,
    number: int,
    place: int,
    cycle: int,
    energy: int,
    founder: bool = False,
    operators: tuple[str, ...] = (),
) -> AgentRecord:
    genome = newborn.genome
    return AgentRecord(
        id=genome.id,
        number=number,
        place=place,
        state=State.EMBRYO,
        generation=genome.generation,
        parents=genome.parents,
        born_cycle=cycle,
        energy=energy,
        founder=founder,
        genome_hash=newborn.genome_hash,
        operators=operators,
        active_genes=sum(1 for _ in genome.active_genes()),
    )


def _conceive(
    context: Context,
    parents: Sequence[AgentRecord],
    number: int,
    variation: Variation,
    genome_of: Callable[[str], Genome],
) -> tuple[Genome, tuple[str, ...]] | None:
    """A child and its operators; None when its genome would be too large.

    Of lineage the records tell: a living agent may write into its genome what it likes. That the
    child keeps all other rules is the variation's affair; of one of the user's own it is checked.
    """
    context.pause()
    id = context.draws.uuid("child", context.cycle, number)
    rng = context.draws.rng("conceive", context.cycle, id)
    genomes = [replace(genome_of(parent.id), generation=parent.generation) for parent in parents]
    child, operators = variation.conceive(id, genomes, context.pool, rng)
    try:
        encode(child)
    except GenomeError:
        return None
    return child, operators


def _birth_event(record: AgentRecord, cycle: int) -> Event:
    data = {
        "parents": list(record.parents),
        "generation": record.generation,
        "place": record.place,
        "operators": list(record.operators),
    }
    return Event(Kind.BIRTH, cycle, record.id, data)


def death_event(record: AgentRecord, cycle: int) -> Event:
    data = {
        "cause": record.cause,
        "age": record.age,
        "energy": record.energy,
        "fitness": record.fitness,
        "generation": record.generation,
    }
    return Event(Kind.DEATH, cycle, record.id, data)
