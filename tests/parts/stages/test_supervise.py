"""Tests of the verb run: who gets a process, who loses it, what it means for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import Population

from evolve_ai.model import restart
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.colony import Farewell, Refused, Settled, Start, Started
from evolve_ai.model.report import Program
from evolve_ai.model.restart import Pace
from evolve_ai.stages.supervise import Ran, failed, healthy, run, stopped
from evolve_ai.stages.update import quarantine

PROGRAMS = {name: Program(Path("/bin/true")) for name in ("old", "new")}


class PaperColony:
    """Keeps account of processes without having any."""

    def __init__(self, running: Iterable[str] = ()):
        self.pids = {agent: 100 + n for n, agent in enumerate(running)}
        self.farewells: dict[str, Farewell] = {}
        self.failing: dict[str, Fault | Refused] = {}
        self.started: list[Start] = []
        self.stopped: list[str] = []

    def running(self) -> Mapping[str, int]:
        return self.pids

    def settle(
        self, title: str | None, leave: Sequence[str], starts: Sequence[Start], *, remember: bool
    ) -> Settled:
        going = [*leave, *(start.id for start in starts if start.id in self.pids)]
        byes = {agent: self.farewells.get(agent, Farewell(b"memory")) for agent in going}
        self.stopped += going
        for start in starts:
            state = byes[start.id].state if start.id in byes else None
            self.started.append(replace(start, state=(state or start.state) if remember else None))
        outcomes = {
            one.id: self.failing.get(one.id) or Started(500 + n) for n, one in enumerate(starts)
        }
        return Settled(byes, outcomes)


@pytest.fixture
def two(tmp_path: Path) -> Population:
    population = Population.of(tmp_path, 2)
    population.agents = {
        agent: replace(one, state=State.EMBRYO, fingerprint="new")
        for agent, one in population.agents.items()
    }
    return population


def ran(
    population: Population, colony: PaperColony, memories: Mapping[str, bytes] | None = None
) -> Ran:
    return run(
        population.context,
        population.agents,
        PROGRAMS,
        colony,  # type: ignore[arg-type]
        memories or {},
        population.genomes.__getitem__,
        Pace(),
    )


def lives(population: Population, **changes: object) -> AgentRecord:
    """The first agent, running the old program since cycle 1."""
    plain = {"state": State.RUNNING, "pid": 100, "running_fingerprint": "old", "lived_tick": 45}
    one = replace(population.agents[population.first], **{**plain, **changes})  # type: ignore[arg-type]
    population.agents = {one.id: one}
    return one


def crashed(population: Population, retry_at: float) -> AgentRecord:
    """The first agent, waiting for another try."""
    return lives(
        population,
        state=State.WAITING,
        pid=None,
        retry_at=retry_at,
        consecutive_failures=1,
        cause="crash",
    )


def kinds(done: Ran) -> list[str]:
    return [str(event.kind) for event in done.events]


def test_embryos_with_a_program_are_started(two: Population) -> None:
    colony = PaperColony()
    done = ran(two, colony)
    assert kinds(done) == ["start", "start"]
    for record, start in zip(done.agents.values(), colony.started, strict=True):
        assert (record.state, record.running_fingerprint) == (State.RUNNING, "new")
        assert record.restarts == 0
        assert start.genome == two.genomes[start.id]
        assert start.folder == two.folder(start.id)


def test_who_runs_the_right_program_is_left_alone(two: Population) -> None:
    one = lives(two, running_fingerprint="new")
    colony = PaperColony([one.id])
    done = ran(two, colony)
    assert (done.events, colony.started, colony.stopped) == ((), [], [])
    assert done.agents == two.agents


def test_changed_agent_changes_over_with_its_memory(two: Population) -> None:
    one = lives(two)
    colony = PaperColony([one.id])
    done = ran(two, colony)
    after = done.agents[one.id]
    assert kinds(done) == ["exit", "restart"]
    assert done.events[0].data["pid"] == 100
    assert done.events[1].data["cause"] == "planned"
    assert colony.started[0].state == b"memory"
    assert (after.running_fingerprint, after.lived_tick, after.restarts) == ("new", 45, 1)
    assert done.taints == ()


def test_memory_lost_on_the_way_taints_and_is_told_by_the_lived_tick(two: Population) -> None:
    one = lives(two)
    colony = PaperColony([one.id])
    colony.farewells[one.id] = Farewell(None, "did not answer stop within 5 s, and was killed")
    done = ran(two, colony)
    assert done.agents[one.id].lived_tick == -1
    assert done.taints == (
        f"agent {one.id} left without its memory: did not answer stop within 5 s, and was killed",
    )


def test_unkillable_process_taints(two: Population) -> None:
    one = lives(two, state=State.QUARANTINED)
    colony = PaperColony([one.id])
    colony.farewells[one.id] = Farewell(None, "stuck", unkillable=True)
    assert ran(two, colony).taints == (f"agent {one.id} cannot be killed",)


def test_quarantined_agent_loses_its_process_and_the_event_knows_which(two: Population) -> None:
    one = lives(two)
    two.agents[one.id], _ = quarantine(one, Fault(Cause.AUDIT, "unsafe"), two.context.cycle)
    done = ran(two, PaperColony([one.id]))
    assert kinds(done) == ["exit"]
    assert done.events[0].data["pid"] == 100
    after = done.agents[one.id]
    assert (after.state, after.pid, after.running_fingerprint) == (State.QUARANTINED, None, "")


def test_process_of_an_agent_that_is_not_spoken_of_is_left_alone(two: Population) -> None:
    colony = PaperColony(["somebody"])
    done = ran(two, colony)
    assert colony.stopped == []
    assert kinds(done) == ["start", "start"]


def test_old_process_lives_until_the_new_program_is_there(two: Population) -> None:
    one = lives(two, fingerprint="not built yet")
    colony = PaperColony([one.id])
    done = ran(two, colony)
    assert (colony.stopped, colony.started, done.events) == ([], [], ())
    assert done.agents == two.agents


def test_who_waits_is_not_started_before_its_cycle(two: Population) -> None:
    cycle = two.context.cycle
    crashed(two, retry_at=cycle + 1)
    assert ran(two, PaperColony()).events == ()
    one = crashed(two, retry_at=cycle)
    done = ran(two, PaperColony())
    assert kinds(done) == ["restart"]
    assert done.events[0].data["cause"] == "crash"
    assert (done.agents[one.id].restarts, done.agents[one.id].lived_tick) == (1, -1)


def test_stored_memory_is_given_back_and_reported_as_used(two: Population) -> None:
    one = lives(two, state=State.WAITING, pid=None)
    colony = PaperColony()
    done = ran(two, colony, {one.id: b"old days"})
    assert (colony.started[0].state, done.used) == (b"old days", (one.id,))
    assert (done.agents[one.id].lived_tick, kinds(done)) == (45, ["start"])


def test_no_more_crashed_agents_restart_in_a_cycle_than_allowed(two: Population) -> None:
    one = crashed(two, retry_at=1)
    many = restart.CRASH_RESTARTS_A_UNIT + 20
    crowd = {f"agent-{n}": replace(one, id=f"agent-{n}", place=n) for n in range(many)}
    two.agents = crowd
    two.genomes = dict.fromkeys(crowd, b"genome")
    done = ran(two, PaperColony())
    assert len(done.events) == restart.CRASH_RESTARTS_A_UNIT
    assert done.pace.room(two.context.now) == 0
    assert done.pace.room(two.context.now + 1) == restart.CRASH_RESTARTS_A_UNIT


def test_start_that_fails_counts_as_a_failure(two: Population) -> None:
    one = lives(two, state=State.EMBRYO, pid=None)
    colony = PaperColony()
    colony.failing[one.id] = Fault(Cause.CRASH, "exit code 101")
    done = ran(two, colony)
    after = done.agents[one.id]
    assert (after.state, after.cause, after.consecutive_failures) == (State.WAITING, "crash", 1)
    assert after.retry_at is not None
    assert after.retry_at > two.context.cycle
    assert kinds(done) == ["exit"]


def test_who_is_refused_a_process_keeps_its_memory_and_has_not_failed(two: Population) -> None:
    one, other = two.agents
    two.agents[one] = replace(
        two.agents[one], state=State.RUNNING, running_fingerprint="old", lived_tick=45, pid=100
    )
    two.agents[other] = replace(two.agents[other], state=State.WAITING, lived_tick=45)
    colony = PaperColony([one])
    colony.failing = dict.fromkeys(two.agents, Refused("no memory", "free some"))
    done = ran(two, colony, {other: b"old days"})
    assert done.refused == "2 agents wait for room: no memory (free some)"
    assert (done.left, done.used, kinds(done)) == ({one: b"memory"}, (), ["exit"])
    for record in done.agents.values():
        assert (record.state, record.pid, record.cause) == (State.WAITING, None, None)
        assert (record.failures, record.consecutive_failures, record.refusals) == ((), 0, 1)
        assert record.lived_tick == 45
        assert record.retry_at is not None
        assert record.retry_at > two.context.now


def test_who_was_refused_starts_later_as_if_nothing_had_been(two: Population) -> None:
    colony = PaperColony()
    colony.failing = dict.fromkeys(two.agents, Refused("no memory", None))
    two.agents = dict(ran(two, colony).agents)
    assert {record.state for record in two.agents.values()} == {State.EMBRYO}
    assert ran(two, PaperColony()).events == (), "not before its time"
    two.context = replace(two.context, cycle=two.context.cycle + 2)
    done = ran(two, PaperColony())
    assert kinds(done) == ["start", "start"]
    assert {record.refusals for record in done.agents.values()} == {0}


def test_planned_starts_are_not_held_back_by_crashes(two: Population) -> None:
    one = lives(two, state=State.EMBRYO, pid=None)
    many = restart.CRASH_RESTARTS_A_UNIT + 20
    two.agents = {f"agent-{n}": replace(one, id=f"agent-{n}", place=n) for n in range(many)}
    two.genomes = dict.fromkeys(two.agents, b"genome")
    assert len(ran(two, PaperColony()).events) == many


def test_five_failures_end_in_quarantine(two: Population) -> None:
    record, seen = lives(two), []
    for cycle in range(1, 6):
        context = replace(two.context, cycle=cycle)
        record, told = failed(context, record, Fault(Cause.CRASH, "101"))
        seen += [str(event.kind) for event in told]
    assert (record.state, record.pid, record.lived_tick) == (State.QUARANTINED, None, -1)
    assert seen == ["exit"] * 5 + ["quarantine"]
    assert record.reason == "failed 5 times within 300 cycles, at last: 101"


@pytest.mark.parametrize("cause", [Cause.DONE, Cause.NEVER_RESTART])
def test_agent_that_ends_by_its_own_wish_is_not_quarantined_news(
    two: Population, cause: Cause
) -> None:
    record, told = failed(two.context, lives(two), Fault(cause, "exit"))
    assert [str(event.kind) for event in told] == ["exit"]
    assert (record.state is State.WAITING, record.cause) == (False, str(cause))


def test_failures_are_forgotten_after_long_health(two: Population) -> None:
    one = lives(two, consecutive_failures=3, started_at=1, cause="crash", reason="101")
    assert healthy(one, restart.HEALTHY_UNITS) == one
    assert healthy(one, restart.HEALTHY_UNITS + 1).consecutive_failures == 0


def test_orderly_end_leaves_agents_waiting(two: Population) -> None:
    one = lives(two)
    after = stopped(two.agents, [one.id, "unknown"])
    assert list(after) == [one.id]
    assert (after[one.id].state, after[one.id].pid) == (State.WAITING, None)


def test_agent_that_is_set_aside_leaves_its_memory_for_better_days(two: Population) -> None:
    one, other = two.agents
    colony = PaperColony([one, other])
    two.agents = {
        one: replace(two.agents[one], state=State.QUARANTINED, running_fingerprint="new"),
        other: replace(two.agents[other], state=State.RUNNING, running_fingerprint="new"),
    }
    done = ran(two, colony)
    assert colony.stopped == [one]
    assert done.left == {one: b"memory"}
    assert done.used == ()


def test_agent_whose_program_was_altered_is_quarantined_at_once_and_taints(two: Population) -> None:
    first, second = two.agents
    colony = PaperColony()
    colony.failing[first] = Fault(Cause.SIGNATURE, "program is not what was signed")
    done = ran(two, colony)
    assert done.agents[first].state is State.QUARANTINED
    assert done.agents[first].retry_at is None
    assert done.agents[second].state is not State.QUARANTINED
    assert done.taints == ("1 agents set aside: program is not what was signed",)
