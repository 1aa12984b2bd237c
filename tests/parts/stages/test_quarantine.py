"""Quarantine is not death: it costs nothing, counts in no rank, and ends after a while."""

import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from paper_supervisor import PaperSupervisor
from stages_support import Population

from evolve_ai.colony import season
from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.environments.ledger import Prices
from evolve_ai.environments.series import Series, Stretch
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.budget import Budget, Resource
from evolve_ai.model.colony import Between as BetweenTicks
from evolve_ai.model.colony import Order, Turned
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import PluginError
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.model.selection_settings import TournamentOptions, TruncationOptions
from evolve_ai.model.settings import CycleSettings, EconomySettings, Settings
from evolve_ai.model.usage import Usage
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import Tournament
from evolve_ai.selection.truncation import Truncation
from evolve_ai.stages.context import Context
from evolve_ai.stages.natural_selection import select
from evolve_ai.stages.observe import LiveUpdate, Observed, Surroundings, observe
from evolve_ai.stages.ration import ration
from evolve_ai.stages.update import quarantine, revived
from evolve_ai.system.project import Project

COUNT = 8
HARSH = EconomySettings(
    plague_every=1, plague_share=1.0, famine_every=1, famine_share=1.0, turnover_floor=1.0
)
POLICIES = (energy, Truncation(TruncationOptions()), Tournament(TournamentOptions()), drift)


class PaperColony(PaperSupervisor):
    """Lives a season of a harsh world; its agents are of paper."""

    def turn(self, order: Order, between: BetweenTicks) -> Turned:
        self.residents = {resident.id for resident in order.residents}
        prices = Prices.derived(HARSH)
        stretch = Stretch(tuple(float(n % 5) for n in range(40)))
        world = Series(stretch, prices, order.places, Draws(7))
        return season.turn(world, self, order, between)  # type: ignore[arg-type]

    def sample(self) -> Mapping[str, Usage]:
        return {}


@pytest.fixture
def colony(tmp_path: Path) -> Iterator[PaperColony]:
    colony = PaperColony(tmp_path / "order_log")
    with closing(colony.order_log):
        yield colony


@pytest.fixture
def eight(tmp_path: Path) -> Population:
    """The first is in quarantine; poor, old and unfit as it is, any policy would have it die."""
    population = Population.of(tmp_path, COUNT)
    project = population.context.project
    settings = Settings(cycle=CycleSettings(ticks=4, quarantine_cycles=2), economy=HARSH)
    population.context = replace(population.context, project=Project(project.root, settings))
    grown = {a: replace(one, age=5, fitness=0.5) for a, one in population.agents.items()}
    worst = replace(grown[population.first], energy=-9, age=10**6, fitness=0.0)
    worst = quarantine(worst, Fault(Cause.BUILD, "src/genes/a.rs:1: error"), 1)[0]
    population.agents = {**grown, population.first: worst}
    return population


def cycle_of(population: Population, colony: PaperColony) -> AgentRecord:
    """The agent in quarantine after another cycle."""
    done = lived(population, colony)
    population.agents = dict(done.agents)
    cycle = population.context.cycle + 1
    population.context = replace(population.context, cycle=cycle)
    return population.agents[population.first]


def lived(population: Population, colony: PaperColony, **more: object) -> Observed:
    world = Surroundings(10, COUNT, 5.0)
    return observe(population.context, population.agents, colony, world, **more)  # type: ignore[arg-type]


def judged(
    population: Population, policy: SelectionPolicy, context: Context | None = None
) -> Verdicts:
    return select(context or population.context, population.agents, policy, COUNT)


def test_quarantine_costs_nothing_and_is_out_of_the_worlds_sight(
    eight: Population, colony: PaperColony
) -> None:
    before = eight.agents[eight.first]
    after = cycle_of(eight, colony)
    assert eight.first not in colony.residents
    assert len(colony.residents) == COUNT - 1
    assert after == replace(before, quarantine_cycles=1), "no charge, no plague, no age"
    others = [record for agent, record in eight.agents.items() if agent != eight.first]
    assert all(record.energy <= 0 for record in others), "the plague has struck all others"


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_kills_who_is_in_quarantine(eight: Population, policy: SelectionPolicy) -> None:
    verdicts = judged(eight, policy)
    assert verdicts.deaths, "the turnover floor asks for everybody"
    assert eight.first not in dict(verdicts.deaths)


def test_policy_sees_neither_the_agent_nor_its_place(eight: Population) -> None:
    seen: list[PopulationView] = []

    def looks(view: PopulationView, rng: random.Random) -> Verdicts:
        seen.append(view)
        return Verdicts()

    judged(eight, looks)
    assert eight.first not in {member.id for member in seen[0].members}
    assert seen[0].places == COUNT - 1
    everyone = {
        agent: replace(record, state=State.QUARANTINED) for agent, record in eight.agents.items()
    }
    eight.agents = everyone
    assert judged(eight, looks) == Verdicts()
    assert len(seen) == 1, "with nobody to decide about, no policy is asked"


@pytest.mark.parametrize("births", [False, True])
def test_verdict_about_who_is_in_quarantine_is_refused_by_name(
    eight: Population, births: bool
) -> None:
    def spiteful(view: PopulationView, rng: random.Random) -> Verdicts:
        return Verdicts((), ((eight.first,),)) if births else Verdicts(((eight.first, "age"),))

    with pytest.raises(PluginError, match=rf"spiteful .*{eight.first}.* in quarantine"):
        judged(eight, spiteful)


def test_budget_finds_its_dead_among_the_others(eight: Population) -> None:
    budget = Budget(Resource.DISK, 5000, 1000, 100, 0)
    kept = ration(eight.context, eight.agents, Verdicts(), [budget], frozenset())
    assert kept.verdicts.deaths
    assert eight.first not in dict(kept.verdicts.deaths)


def test_it_dies_of_quarantine_when_it_has_lost_its_place(
    eight: Population, colony: PaperColony
) -> None:
    keeps = eight.context.settings.cycle.quarantine_cycles
    for _ in range(keeps):
        cycle_of(eight, colony)
        assert judged(eight, nobody).deaths == ()
    assert cycle_of(eight, colony).quarantine_cycles == keeps + 1
    assert judged(eight, nobody).deaths == ((eight.first, "quarantine"),)


def nobody(view: PopulationView, rng: random.Random) -> Verdicts:
    return Verdicts()


def test_zero_cycles_keep_it_for_ever(eight: Population) -> None:
    settings = Settings(cycle=CycleSettings(quarantine_cycles=0))
    context = replace(eight.context, project=Project(eight.context.project.root, settings))
    one = eight.agents[eight.first]
    eight.agents[eight.first] = replace(one, quarantine_cycles=10**6)
    assert judged(eight, nobody, context).deaths == ()


def test_cycles_in_which_the_world_stands_still_do_not_count(
    eight: Population, colony: PaperColony
) -> None:
    settings = Settings(cycle=CycleSettings(ticks=0, quarantine_cycles=1))
    project = Project(eight.context.project.root, settings)
    eight.context = replace(eight.context, project=project)
    colony.reap = dict  # type: ignore[attr-defined]
    colony.take_taints = tuple  # type: ignore[attr-defined]
    for _ in range(3):
        assert cycle_of(eight, colony).quarantine_cycles == 0


def test_who_is_cured_begins_to_count_anew(eight: Population, colony: PaperColony) -> None:
    assert revived(cycle_of(eight, colony)).quarantine_cycles == 0


def test_who_is_cured_in_a_season_takes_part_in_the_next_one(
    eight: Population, colony: PaperColony
) -> None:
    cured = replace(revived(eight.agents[eight.first]), state=State.RUNNING, pid=7)
    told = [LiveUpdate({cured.id: cured})]

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> LiveUpdate:
        return told.pop() if told else LiveUpdate()

    done = lived(eight, colony, between=between)
    assert done.agents[eight.first] == cured
    assert colony.asked_of(eight.first) == []
    eight.agents = dict(done.agents)
    eight.context = replace(eight.context, cycle=eight.context.cycle + 1)
    assert cycle_of(eight, colony).age == cured.age + 1
    assert colony.asked_of(eight.first)
