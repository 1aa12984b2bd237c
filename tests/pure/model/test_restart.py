"""The restart rules, as properties of a state machine on a fake clock."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model import restart
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.restart import (
    CYCLES,
    SECONDS,
    Backoff,
    Due,
    End,
    Line,
    Pace,
    Quarantine,
    Wait,
    backoff_of,
    breaker,
    delay,
    with_backoff,
)

YEAR = 365 * 86_400

draws = st.floats(0, 1, exclude_max=True)
crashes = st.sampled_from(sorted(restart.CRASHES))
lines = st.sampled_from((CYCLES, SECONDS))
times = st.integers(0, 10**6)


def crash(cause: Cause = Cause.CRASH, reason: str = "exited with code 3") -> Fault:
    return Fault(cause, reason)


@given(st.integers(1, 1000), draws)
def test_delay_stays_within_a_quarter_of_the_law(consecutive, draw):
    law = min(60.0, 0.5 * 2 ** min(consecutive, 20))
    assert 0.75 * law <= delay(consecutive, draw, SECONDS) <= 1.25 * law
    cycles = delay(consecutive, draw, CYCLES)
    assert max(1, round(0.75 * law)) <= cycles <= max(1, round(1.25 * law))
    assert type(cycles) is int


@given(st.integers(1, 50), draws, lines)
def test_delay_never_shrinks_with_more_failures_and_the_same_draw(consecutive, draw, line):
    assert delay(consecutive, draw, line) <= delay(consecutive + 1, draw, line)


@given(times, st.lists(st.tuples(crashes, st.integers(0, 400), draws), max_size=40), lines)
def test_five_failures_in_300_are_quarantine_and_four_never(now, story, line: Line):
    backoff, happened = Backoff(), []
    for cause, healthy, draw in story:
        backoff = backoff.started(now)
        now += healthy
        happened.append(now)
        before = backoff.healthy(now)
        backoff, verdict = before.failed(crash(cause), now, draw, line)
        recent = tuple(past for past in happened if now - past < 300)
        assert backoff.failures == recent
        assert isinstance(verdict, Quarantine) == (len(recent) >= 5)
        if not isinstance(verdict, Wait):
            assert "failed 5 times within 300" in verdict.fault.reason
            return
        law = min(60.0, 0.5 * 2.0 ** min(backoff.consecutive, 20))
        assert 0.75 * law - 1 <= verdict.until - now <= 1.25 * law + 1
        assert (backoff.retry_at, backoff.started_at) == (verdict.until, None)
        assert not backoff.due(verdict.until - 0.01)
        assert backoff.due(verdict.until)
        now = verdict.until


@given(st.integers(0, 100), times, times, draws)
def test_30_healthy_units_reset_the_row_and_not_one_less(row, began, lasted, draw):
    backoff = Backoff(consecutive=row).started(began)
    now = began + lasted
    left = backoff.healthy(now)
    assert left.consecutive == (0 if lasted >= 30 else row)
    after, _ = backoff.failed(crash(), now, draw, SECONDS)
    assert after.consecutive == left.consecutive + 1


@given(draws, lines)
def test_time_spent_waiting_is_no_health(draw, line):
    backoff = Backoff(consecutive=3).started(0.0)
    backoff, _ = backoff.failed(crash(), 5.0, draw, line)
    backoff, _ = backoff.failed(crash(), 50.0, draw, line)  # it could not even be started
    assert backoff.consecutive == 5


@pytest.mark.parametrize("cause", sorted(restart.HOPELESS))
def test_what_a_restart_cannot_mend_is_quarantined_at_once(cause):
    _, verdict = Backoff().failed(crash(cause), 7, 0.5, CYCLES)
    assert verdict == Quarantine(crash(cause))


@pytest.mark.parametrize(
    "cause",
    [Cause.DONE, Cause.NEVER_RESTART, Cause.STARVED, Cause.AGE, Cause.TURNOVER, Cause.SELECTED],
)
def test_final_causes_end_the_agent_and_count_no_failure(cause):
    backoff, verdict = Backoff((1,), 1).failed(crash(cause), 7, 0.5, CYCLES)
    assert (verdict, backoff) == (End(), Backoff((1,), 1))


def test_every_cause_has_a_verdict_and_only_crashes_and_plans_wait():
    waits = {
        cause
        for cause in Cause
        if isinstance(Backoff().failed(crash(cause), 1, 0.5, SECONDS)[1], Wait)
    }
    assert waits == restart.CRASHES | {Cause.PLANNED}


def test_killed_by_us_is_no_failure():
    backoff, verdict = Backoff((3,), 2, started_at=1).failed(crash(Cause.PLANNED), 9, 0.5, CYCLES)
    assert (backoff, verdict) == (Backoff((3,), 2, retry_at=9), Wait(9))
    assert backoff.due(9)


@given(st.integers(0, 4), st.integers(1, 20), times, draws, lines)
def test_refused_start_waits_by_the_same_law_and_is_no_failure(row, times_refused, now, draw, line):
    failures = (now,) * row
    backoff = Backoff(failures, row)
    for n in range(1, times_refused + 1):
        backoff = backoff.refused(now, draw, line)
        assert (backoff.failures, backoff.consecutive) == (failures, row)
        assert backoff.retry_at == now + delay(n, draw, line)
        now = backoff.retry_at
    assert backoff.started(now).refusals == 0


@given(st.lists(times, max_size=9), st.integers(0, 9), st.none() | times)
def test_who_is_forgiven_begins_afresh_and_is_due(failures, row, retry_at):
    backoff = Backoff(tuple(failures), row, retry_at=retry_at).forgiven()
    assert backoff == Backoff()
    assert backoff.due(0)


@given(times, crashes, draws, lines, st.integers(-YEAR, YEAR))
def test_clock_that_jumps_keeps_nobody_waiting_longer_than_the_longest_delay(
    now, cause, draw, line, jump
):
    failed, _ = Backoff(consecutive=9).failed(crash(cause), now, draw, line)
    refused = Backoff(refusals=9).refused(now, draw, line)
    for backoff in (failed, refused):
        # From the jump on: how long it waited before, a clock that jumps cannot tell.
        assert backoff.due(now + jump) or backoff.due(now + jump + restart.LONGEST_DELAY)
        assert backoff.due(now + restart.LONGEST_DELAY)
    assert failed.due(now + jump) or jump >= 0, "it has failed in what is the future now"


@given(times, draws, lines)
def test_failures_and_starts_of_the_future_are_not_believed(now, draw, line):
    future = Backoff((now + 9,) * 4, 4, started_at=now + 9)
    backoff, verdict = future.failed(crash(), now, draw, line)
    assert isinstance(verdict, Wait)
    assert backoff.failures == (now,)
    healthy = future.healthy(now)
    assert healthy.healthy(now + restart.HEALTHY_UNITS).consecutive == 0


@given(st.lists(times, max_size=4), st.integers(0, 9), st.none() | times, st.floats(0, 1e9))
def test_on_another_line_who_waits_is_due_and_nothing_else_is_lost(failures, row, retry_at, now):
    backoff = Backoff(tuple(failures), row, 2, retry_at, None if retry_at else 5).moved(now)
    assert backoff.due(now)
    assert (backoff.failures, backoff.consecutive, backoff.refusals) == ((), row, 2)
    assert (backoff.retry_at is None) == (retry_at is None)
    assert backoff.started_at in (None, now)


def test_record_holds_its_backoff():
    record = AgentRecord("a", 0, 0, State.RUNNING, 0, (), 0, 1000, cause="crash")
    backoff = Backoff((1.5, 2.5), 2, 3, 4.5, 5.5)
    assert backoff_of(with_backoff(record, backoff)) == backoff
    assert with_backoff(with_backoff(record, backoff), Backoff()) == record


# The population.


def row_of(waits: Sequence[float]) -> list[Due]:
    return [Due(at, place, f"agent-{place}") for place, at in enumerate(waits)]


@given(
    st.lists(st.floats(0, 20), max_size=400),
    st.lists(st.floats(0.01, 2.5), min_size=1, max_size=30),
)
def test_no_more_than_100_crash_restarts_in_any_unit_and_none_before_its_time(waits, steps):
    pace, row, now, restarted = Pace(), row_of(waits), 0.0, []
    for step in steps:
        now += step
        due = [one for one in row if one.retry_at <= now]
        admitted, pace = pace.admit(due, now)
        assert admitted <= {one.id for one in due}
        restarted += [now] * len(admitted)
        row = [one for one in row if one.id not in admitted]
        assert sum(1 for at in restarted if now - at < 1) <= 100
        assert pace.room(now) == 0 or not [one for one in row if one.retry_at <= now]


@given(st.lists(st.integers(0, 3), min_size=150, max_size=250), st.randoms())
def test_who_is_let_in_does_not_depend_on_the_order_of_asking(
    waits: list[int], shuffle: random.Random
):
    row = row_of(waits)
    mixed = shuffle.sample(row, len(row))
    assert Pace().admit(mixed, 9.0) == Pace().admit(row, 9.0)
    admitted, _ = Pace().admit(row, 9.0)
    assert admitted == {one.id for one in sorted(row)[:100]}


def test_clock_that_jumps_back_shuts_nobody_out():
    _, pace = Pace().admit(row_of([0.0] * 100), YEAR)
    assert pace.room(YEAR) == 0
    assert pace.room(1.0) == 100


def faults(cause: Cause, count: int, reason: str = "exited with code 3") -> list[Fault | None]:
    return [Fault(cause, reason)] * count


@given(st.integers(0, 2000), st.integers(0, 500), lines)
def test_breaker_trips_above_a_fifth_and_at_least_five(running, crashed, line):
    tripped = breaker(running, faults(Cause.CRASH, crashed), line) is not None
    assert tripped == (crashed >= 5 and crashed * 5 > running)


def test_breaker_names_the_commonest_cause_and_reason():
    story = faults(Cause.CRASH, 4) + faults(Cause.CRASH, 6, "no such file") + faults(Cause.OOM, 3)
    text = breaker(20, [*story, None], SECONDS)
    assert text is not None
    assert "14 of 20 running agents failed within 60 seconds" in text
    assert "10 of them by crash, most often: no such file" in text


def test_breaker_counts_no_planned_and_no_final_ends():
    assert breaker(10, faults(Cause.DONE, 5) + faults(Cause.PLANNED, 5), CYCLES) is None


@given(st.lists(times, min_size=1, max_size=5), times)
def test_in_lockstep_only_what_is_judged_now_counts(failures, now):
    failures = tuple(sorted(failures))
    assert not restart.counts_for_breaker(failures, now, CYCLES)
    counts = 0 <= now - failures[-1] < 60
    assert restart.counts_for_breaker(failures, now, SECONDS) == counts


@given(times, draws)
def test_pause_puts_off_who_waits_and_never_brings_it_forward(now, draw):
    waiting, _ = Backoff().failed(crash(), now, draw, SECONDS)
    assert waiting.put_off(now + 60).retry_at == now + 60
    assert waiting.put_off(now) == waiting
    assert Backoff().put_off(now + 60) == Backoff()
    assert replace(waiting, retry_at=now + 75).put_off(now + 60).retry_at == now + 75
