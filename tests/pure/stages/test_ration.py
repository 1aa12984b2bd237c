"""The verb ration: verdicts as budgets bear them, and what is said of it."""

import re
from pathlib import Path

import pytest
from stages_support import Population

from evolve_ai.model.budget import Budget, Resource
from evolve_ai.model.event import Kind
from evolve_ai.model.selection import Verdicts
from evolve_ai.model.settings import Settings
from evolve_ai.stages.ration import Rationed, ration

MEMORY = frozenset({Resource.MEMORY})


@pytest.fixture
def four(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 4)


def kept(
    population: Population,
    used: int,
    verdicts: Verdicts,
    before: frozenset[Resource] = frozenset(),
) -> Rationed:
    budget = Budget(Resource.MEMORY, used, 1000, 100, 10**9)
    return ration(population.context, population.agents, verdicts, [budget], before)


def test_verdicts_of_a_population_with_room_stay_as_they_are(four: Population) -> None:
    verdicts = Verdicts((), ((four.first,),))
    assert kept(four, 100, verdicts) == Rationed(verdicts)


def test_births_are_held_back_recorded_and_held_against_history(four: Population) -> None:
    found = kept(four, 950, Verdicts((), ((four.first,), (four.first,))))
    assert found.verdicts == Verdicts()
    assert found.acting == MEMORY
    [event] = found.events
    assert (event.kind, event.agent) == (Kind.BUDGET, None)
    assert event.data == {
        "resource": "memory",
        "used": 950,
        "allowed": 1000,
        "refused": 2,
        "deaths": 0,
    }
    assert found.taints == ("budget of memory: 950 bytes of 1000 bytes used; births held back: 2",)


def test_what_goes_on_is_recorded_but_told_once(four: Population) -> None:
    found = kept(four, 950, Verdicts((), ((four.first,),)), before=MEMORY)
    assert len(found.events) == 1
    assert found.taints == found.notes == ()


def test_poorest_dies_and_nobody_is_born(four: Population) -> None:
    found = kept(four, 1000, Verdicts((), ((four.first,),)), before=MEMORY)
    [(victim, cause)] = found.verdicts.deaths
    assert cause == "budget"
    assert victim in four.agents
    assert found.verdicts.births == ()
    assert "the poorest die (1)" in found.taints[0]


def test_who_is_condemned_already_counts(four: Population) -> None:
    [condemned] = [agent for agent in four.agents if agent == four.first]
    found = kept(four, 1000, Verdicts(((condemned, "age"),)))
    assert found == Rationed(Verdicts(((condemned, "age"),)))


def test_what_fills_a_budget_and_what_helps_are_told(four: Population) -> None:
    used = {"registry": 900, "logs": 150, "agents": 50}
    budget = Budget(Resource.DISK, 1100, 1000, 100, 10**9, used)
    births = ((four.first,), (four.first,))
    found = ration(four.context, four.agents, Verdicts((), births), [budget], frozenset(), places=4)
    assert found.verdicts == Verdicts()
    assert found.taints == (
        "budget of disk: 1.1 KiB of 1000 bytes used (registry 900 bytes, logs 150 bytes, "
        "agents 50 bytes); births held back: 2",
    )
    [note] = found.notes
    assert "raise budget.disk_bytes, or lower what [history] and events.kept keep" in note
    assert found.events[0].data["parts"] == used
    assert found.events[0].data["deaths"] == 0


@pytest.mark.parametrize("resource", Resource)
@pytest.mark.parametrize("left", [-1, 10**9])
def test_every_resource_has_a_remedy(four: Population, resource: Resource, left: int) -> None:
    budget = Budget(resource, 950, 1000, 100, left)
    found = ration(four.context, four.agents, Verdicts((), ((four.first,),)), [budget], frozenset())
    [note] = found.notes
    assert note.startswith(f"{resource}: ")
    settings = Settings()
    for key in re.findall(r"\b([a-z]+)\.([a-z_]+)\b", note):
        assert hasattr(getattr(settings, key[0]), key[1])
