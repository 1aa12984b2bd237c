"""The restart rules, as properties of a state machine."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model import restart
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.restart import Verdict, after_failure, after_health, breaker, delay

seeds = st.integers(0, 2**32)
crashes = st.sampled_from(sorted(restart.CRASHES))


@given(st.integers(1, 1000), seeds)
def test_delay_stays_within_a_quarter_of_its_mean(consecutive, seed):
    mean = min(60.0, 0.5 * 2 ** min(consecutive, 20))
    waited = delay(consecutive, random.Random(seed))
    assert max(1, round(0.75 * mean)) <= waited <= max(1, round(1.25 * mean))


@given(st.integers(1, 50), seeds)
def test_delay_never_shrinks_with_more_failures_and_the_same_draw(consecutive, seed):
    earlier = delay(consecutive, random.Random(seed))
    assert earlier <= delay(consecutive + 1, random.Random(seed))


@given(seeds, st.integers(0, 10**6), crashes)
def test_same_draw_gives_the_same_decision(seed, cycle, cause):
    first = after_failure((), 0, cause, cycle, random.Random(seed))
    assert first == after_failure((), 0, cause, cycle, random.Random(seed))


@given(seeds, st.lists(st.tuples(crashes, st.integers(0, 400)), min_size=1, max_size=40))
def test_agent_is_quarantined_at_the_fifth_failure_in_300_cycles_and_not_before(seed, story):
    rng = random.Random(seed)
    failures, consecutive, cycle, happened = (), 0, 0, []
    for cause, healthy in story:
        cycle += healthy
        happened.append(cycle)
        decision = after_failure(failures, consecutive, cause, cycle, rng)
        recent = [past for past in happened if cycle - past < 300]
        assert (decision.verdict is Verdict.QUARANTINE) == (len(recent) >= 5)
        assert decision.failures == tuple(recent)
        if decision.verdict is Verdict.QUARANTINE:
            return
        assert cycle < decision.retry_cycle <= cycle + 75
        failures, consecutive, cycle = (
            decision.failures,
            decision.consecutive,
            decision.retry_cycle,
        )


@pytest.mark.parametrize("cause", sorted(restart.HOPELESS))
def test_what_a_restart_cannot_mend_is_quarantined_at_once(cause):
    assert after_failure((), 0, cause, 7, random.Random(1)).verdict is Verdict.QUARANTINE


@pytest.mark.parametrize(
    "cause",
    [Cause.DONE, Cause.NEVER_RESTART, Cause.STARVED, Cause.AGE, Cause.TURNOVER, Cause.SELECTED],
)
def test_final_causes_end_the_agent_and_count_no_failure(cause):
    decision = after_failure((1,), 1, cause, 7, random.Random(1))
    assert (decision.verdict, decision.failures) == (Verdict.END, (1,))


def test_every_cause_has_a_verdict_and_only_crashes_and_plans_wait():
    waits = {
        cause
        for cause in Cause
        if after_failure((), 0, cause, 1, random.Random(1)).verdict is Verdict.WAIT
    }
    assert waits == restart.CRASHES | {Cause.PLANNED}


def test_killed_by_us_is_no_failure():
    decision = after_failure((3,), 2, Cause.PLANNED, 9, random.Random(1))
    assert decision == restart.Decision(Verdict.WAIT, 9, (3,), 2)


@given(st.integers(0, 100), st.integers(0, 1000), st.integers(0, 1000))
def test_row_of_failures_is_forgotten_after_30_healthy_cycles(consecutive, started, lasted):
    left = after_health(consecutive, started, started + lasted)
    assert left == (0 if lasted >= 30 else consecutive)


def faults(cause: Cause, count: int, reason: str = "exited with code 3") -> list[Fault]:
    return [Fault(cause, reason)] * count


@given(st.integers(0, 2000), st.integers(0, 500))
def test_breaker_trips_above_a_fifth_and_at_least_five(running, crashed):
    tripped = breaker(running, faults(Cause.CRASH, crashed)) is not None
    assert tripped == (crashed >= 5 and crashed * 5 > running)


def test_breaker_names_the_commonest_cause_and_reason():
    story = faults(Cause.CRASH, 4) + faults(Cause.CRASH, 6, "no such file") + faults(Cause.OOM, 3)
    text = breaker(20, story)
    assert text is not None
    assert "13 of 20" in text
    assert "10 of them by crash, most often: no such file" in text


def test_breaker_counts_no_planned_and_no_final_ends():
    assert breaker(10, faults(Cause.DONE, 5) + faults(Cause.PLANNED, 5)) is None
