"""What the dead keep, and for how long; and who keeps all of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.history_settings import HistorySettings
from evolve_ai.model.run_state import RunState
from evolve_ai.state.registry import Batch, Registry

LIFE = 3  # cycles that everybody lives
CYCLES = 12
EVERYTHING = HistorySettings()


def name(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def person(number: int, *parents: int, **changes: object) -> AgentRecord:
    plain = AgentRecord(
        name(number), number, number, State.RUNNING, 0, tuple(map(name, parents)), number, 1000
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """In each cycle n one agent n is born, of the one before; of an odd one nobody is born. Agent 0
    is the founder, agent 5 the champion of its cycle."""
    with Registry.create(tmp_path / "registry.sqlite") as registry:
        living: dict[int, AgentRecord] = {}
        for cycle in range(CYCLES + 1):
            parents = () if cycle == 0 else (cycle - 1 if cycle % 2 else cycle - 2,)
            living[cycle] = person(cycle, *parents, founder=cycle == 0)
            dead = [
                replace(living.pop(n), state=State.DEAD, cause="age", died_cycle=cycle)
                for n in list(living)
                if n <= cycle - LIFE
            ]
            registry.commit(
                Batch(
                    records=[*living.values(), *dead],
                    genomes={name(cycle): f"genome {cycle}".encode() * 20},
                    events=[Event(Kind.BIRTH, cycle, name(cycle), {})],
                    cycle=Cycle(cycle, str(cycle), Summary(champion=name(5))) if cycle else None,
                    samples=list(living.values()),
                    during=cycle,
                    state=RunState(places=4),
                ),
                "run",
            )
        yield registry


def known(registry: Registry) -> set[int]:
    return {row[0] for row in registry.connection.execute("SELECT number FROM individuals")}


def with_genome(registry: Registry) -> set[int]:
    return {n for n in known(registry) if registry.kept_genome(name(n)) is not None}


def sampled(registry: Registry) -> set[int]:
    rows = registry.connection.execute("SELECT DISTINCT individual FROM samples")
    return {row[0] for row in rows}


ALL = set(range(CYCLES + 1))
# Odd ones have no children: of the dead only 5, a champion, and 0, a founder, and the even ones,
# from whom the living descend, are needed.
NEEDED = {0, 2, 4, 5, 6, 8, 10, 11, 12}


def test_nothing_is_forgotten_unless_settings_ask_for_it(registry: Registry) -> None:
    found = registry.prune(EVERYTHING, CYCLES, everything=True)
    assert not found.anything
    assert known(registry) == with_genome(registry) == ALL
    assert sampled(registry) == ALL


def test_genomes_are_forgotten_of_who_is_not_needed(registry: Registry) -> None:
    found = registry.prune(HistorySettings(genomes=4), CYCLES, everything=True)
    assert known(registry) == ALL
    assert with_genome(registry) == NEEDED | {7, 9}  # who died four cycles ago or less
    assert found.genomes == len(ALL) - len(NEEDED | {7, 9})


def test_samples_are_forgotten_of_all_the_dead(registry: Registry) -> None:
    found = registry.prune(HistorySettings(samples=2), CYCLES, everything=True)
    assert sampled(registry) == {8, 9, 10, 11, 12}
    assert found.samples > 0
    assert with_genome(registry) == ALL


def test_agents_are_forgotten_with_all_that_is_theirs(registry: Registry) -> None:
    deaths = registry.deaths()
    found = registry.prune(HistorySettings(agents=4), CYCLES, everything=True)
    assert known(registry) == NEEDED | {7, 9}
    assert found.agents == len(ALL) - len(known(registry))
    assert sampled(registry) == with_genome(registry) == known(registry)
    events = {one.event.agent for one in registry.events_after(0)}
    assert events == {name(n) for n in known(registry)}
    assert registry.deaths() == deaths  # they have lived, and are counted
    assert registry.founders()[0].id == name(0)


def test_child_keeps_the_id_of_a_parent_that_is_forgotten(registry: Registry) -> None:
    orphan = person(20, 1, 12)
    registry.commit(Batch([orphan], {orphan.id: b"g"}), "run")
    registry.commit(Batch([replace(orphan, state=State.DEAD, died_cycle=12)]), "run")
    registry.prune(HistorySettings(agents=4), CYCLES, everything=True)
    assert 1 not in known(registry)
    assert registry.agent(orphan.id).parents == (name(1), name(12))


def test_life_cycle_forgets_as_it_goes_what_a_prune_would(registry: Registry) -> None:
    keep = HistorySettings(samples=2, genomes=3, agents=5)
    for cycle in range(CYCLES):
        registry.prune(keep, cycle)
    registry.prune(keep, CYCLES)
    left = known(registry), with_genome(registry), sampled(registry)
    assert not registry.prune(keep, CYCLES, everything=True).anything
    assert (known(registry), with_genome(registry), sampled(registry)) == left
    assert registry.state.pruned == CYCLES
    assert registry.check() == "ok"


def test_file_gets_smaller(registry: Registry) -> None:
    many = [person(n, state=State.DEAD, died_cycle=1) for n in range(100, 2000)]
    registry.commit(Batch(many, {one.id: one.id.encode() * 99 for one in many}), "run")
    found = registry.prune(HistorySettings(agents=1), CYCLES, everything=True)
    assert found.agents >= len(many)
    assert found.bytes_after * 3 < found.bytes_before
