"""Tests of the verb observe: what a cycle of the world makes of everybody."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from paper_supervisor import PaperSupervisor
from stages_support import Population

from evolve_ai.colony import season
from evolve_ai.environments.ledger import Prices
from evolve_ai.environments.series import Series, Stretch
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.colony import Between as BetweenTicks
from evolve_ai.model.colony import Order, Pool, Turned
from evolve_ai.model.draws import Draws
from evolve_ai.model.event import Kind
from evolve_ai.model.settings import CycleSettings, EconomySettings, Settings
from evolve_ai.model.usage import Usage
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import (
    LiveUpdate,
    Observed,
    Renew,
    Surroundings,
    after_faults,
    caught_up,
    observe,
    told_of_alarms,
)
from evolve_ai.system.project import Project

VALUES = tuple(float(n % 5) for n in range(40))


class PaperColony(PaperSupervisor):
    """Lives a season as a colony does; its agents are of paper."""

    def turn(self, order: Order, between: BetweenTicks) -> Turned:
        prices = Prices.derived(EconomySettings())
        world = Series(Stretch(VALUES), prices, order.places, Draws(7))
        return season.turn(world, self, order, between)  # type: ignore[arg-type]

    def reap(self) -> Mapping[str, Fault]:
        return dict.fromkeys(self.doomed, Fault(Cause.CRASH, "exit code 101"))

    def take_taints(self) -> tuple[str, ...]:
        return ("something happened",)

    def running(self) -> Mapping[str, int]:
        return {agent: 100 + n for n, (_, agent) in enumerate(self.asked)}

    def sample(self) -> Mapping[str, Usage]:
        usage = Usage(cpu_seconds=1.5, rss_bytes=4096)
        return dict.fromkeys(self.running(), usage)


@pytest.fixture
def eight(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 8)


@pytest.fixture
def colony(tmp_path: Path) -> Iterator[PaperColony]:
    colony = PaperColony(tmp_path / "order_log")
    with closing(colony.order_log):
        yield colony


def observed(
    population: Population,
    colony: PaperColony,
    ticks: int = 4,
    offers: Mapping[str, Pool] | None = None,
    between: Renew | None = None,
) -> Observed:
    project = population.context.project
    settings = Settings(cycle=CycleSettings(ticks=ticks))
    context = replace(population.context, project=Project(project.root, settings))
    world = Surroundings(10, 8, 5.0, offers or {})
    return observe(context, population.agents, colony, world, between)  # type: ignore[arg-type]


def test_everybody_grows_older_and_is_given_its_account(
    eight: Population, colony: PaperColony
) -> None:
    done = observed(eight, colony)
    assert (done.tick, len(colony.asked), done.events, done.taints) == (14, 32, (), ())
    for record in done.agents.values():
        assert (record.age, record.lived_tick, record.rss_bytes) == (1, 13, 4096)
        assert record.fitness is not None
        persistence, own = record.evidence
        assert record.fitness == pytest.approx(persistence / (persistence + own))


def test_what_a_world_notes_of_an_agent_comes_back_to_it(
    eight: Population, colony: PaperColony
) -> None:
    for cycle in range(2):
        eight.context = replace(eight.context, cycle=cycle)
        eight.agents = dict(observed(eight, colony).agents)
    for record in eight.agents.values():
        assert (record.age, len(record.evidence)) == (2, 4)  # a pair of errors for each season
        assert dict(record.scores)["skill"] == record.fitness


def test_who_fails_is_asked_no_more_and_waits(eight: Population, colony: PaperColony) -> None:
    colony.doomed = {eight.first: 11}
    done = observed(eight, colony)
    after = done.agents[eight.first]
    assert colony.asked_of(eight.first) == [10, 11]
    assert (after.state, after.cause, after.lived_tick) == (State.WAITING, "crash", -1)
    assert [str(event.kind) for event in done.events] == ["exit"]
    assert after.age == 1
    assert done.taints == (f"agent {eight.first} at tick 11",)


def test_many_crashes_at_once_pause_all_restarts_for_a_cycle(
    eight: Population, colony: PaperColony
) -> None:
    colony.doomed = dict.fromkeys(eight.agents, 12)
    done = observed(eight, colony)
    assert str(done.events[-1].kind) == "command"
    assert "8 of 8 running agents failed" in done.events[-1].data["reason"]
    assert told_of_alarms(done.events) == (done.events[-1].data["reason"],)
    cycle = eight.context.cycle
    assert all((record.retry_at or 0) >= cycle + 2 for record in done.agents.values())


def test_colony_is_given_the_whole_season(eight: Population, colony: PaperColony) -> None:
    offers = {eight.first: [{"path": "src/genes/new.rs"}]}
    observed(eight, colony, offers=offers)
    assert colony.order_log.title == f"season {eight.context.cycle}"
    assert [told for _, told in colony.offers] == [offers] * 2 + [{}] * 6


def test_world_without_ticks_stands_still(eight: Population, colony: PaperColony) -> None:
    colony.doomed = {eight.first: 0}
    done = observed(eight, colony, ticks=0)
    assert (done.tick, colony.asked, done.taints) == (10, [], ("something happened",))
    assert all(record.age == 0 for record in done.agents.values())
    assert [(str(event.kind), event.agent) for event in done.events] == [("exit", eight.first)]


def test_who_changes_between_two_ticks_is_recorded_as_what_it_has_become(
    eight: Population, colony: PaperColony
) -> None:
    one, other = list(eight.agents.values())[:2]
    eight.agents[other.id] = replace(other, state=State.EMBRYO)
    told: list[tuple[int, int]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> LiveUpdate:
        told.append((len(lived), len(faults)))
        if len(told) != 3:
            return LiveUpdate()
        started = replace(eight.agents[other.id], state=State.RUNNING, fingerprint="new")
        waiting = replace(one, state=State.WAITING)
        return LiveUpdate({other.id: started, one.id: waiting}, frozenset([one.id]))

    done = observed(eight, colony, between=between)
    assert told == [(0, 0), (7, 0), (7, 0), (7, 0), (7, 0)]
    assert (colony.asked_of(one.id), colony.asked_of(other.id)) == ([10, 11], [12, 13])
    after = done.agents[other.id]
    assert (after.state, after.fingerprint, after.age) == (State.RUNNING, "new", 1)
    assert (after.lived_tick, done.agents[one.id].state) == (13, State.WAITING)
    assert done.events == ()


def test_failure_that_is_judged_between_two_ticks_is_not_judged_again(
    eight: Population, colony: PaperColony
) -> None:
    one = eight.agents[eight.first]
    colony.doomed = {one.id: 11}
    seen: list[dict[str, Fault]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> LiveUpdate:
        seen.append(dict(faults))
        if not faults:
            return LiveUpdate()
        colony.doomed.clear()
        return LiveUpdate({one.id: replace(one, lived_tick=-1)}, frozenset(faults))

    done = observed(eight, colony, between=between)
    assert [list(faults) for faults in seen] == [[], [], [one.id], [], []]
    assert colony.asked_of(one.id) == [10, 11, 12, 13]
    assert (done.events, done.agents[one.id].lived_tick) == ((), 13)


def test_who_changes_after_a_season_keeps_what_it_has_lived(
    eight: Population, colony: PaperColony
) -> None:
    done = observed(eight, colony)
    one, *others = done.agents.values()
    crashed = replace(eight.agents[one.id], state=State.WAITING, pid=None, lived_tick=-1)
    gone = replace(crashed, id="gone")
    after = caught_up(done.agents, {one.id: crashed, gone.id: gone})
    assert after == {
        one.id: replace(one, state=State.WAITING, pid=None, lived_tick=-1),
        **{other.id: other for other in others},
    }


def free(population: Population, now: float) -> Context:
    return replace(population.context, clock=lambda: now)


def test_in_free_mode_crashes_of_the_last_minute_add_up_to_a_pause(eight: Population) -> None:
    fault = Fault(Cause.CRASH, "exit code 101")
    agents: Mapping[str, AgentRecord] = eight.agents
    told = []
    for n, agent in enumerate(eight.agents):
        agents, events = after_faults(free(eight, 1000.0 + 10 * n), agents, {agent: fault})
        told += [event for event in events if event.kind is Kind.COMMAND]
    (event,) = told
    assert event.data["reason"] == (
        "5 of 8 running agents failed within 60 seconds, 5 of them by crash, most often: "
        "exit code 101; restarts pause for 60 seconds"
    )
    assert [record.retry_at for record in list(agents.values())[3:]] == [1130.0] * 5
    assert agents[eight.first].retry_at == 1110.0, "it crashed too long ago to wait longer"


def test_crashes_far_apart_make_no_pause(eight: Population) -> None:
    agents: Mapping[str, AgentRecord] = eight.agents
    for n, agent in enumerate(eight.agents):
        context = free(eight, 1000.0 + 20 * n)
        agents, events = after_faults(context, agents, {agent: Fault(Cause.OOM, "much")})
        assert [str(event.kind) for event in events] == ["exit"]


def test_fault_of_somebody_who_is_gone_is_nobodys(eight: Population) -> None:
    fault = {"gone": Fault(Cause.CRASH, "exit code 101")}
    assert after_faults(eight.context, eight.agents, fault) == (eight.agents, ())
