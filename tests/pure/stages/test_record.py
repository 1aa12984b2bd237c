"""Tests of the digest of history and of what a commit must write."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.tally import NO_HISTORY
from evolve_ai.stages.record import changed, digest


def record(number: int, **changes: object) -> AgentRecord:
    plain = AgentRecord(f"agent-{number}", number, number, State.RUNNING, 0, (), 0, 100)
    return replace(plain, **changes)  # type: ignore[arg-type]


LIVING = [record(n, genome_hash=str(n)) for n in range(6)]
BORN = [record(n, parents=("agent-1",)) for n in (7, 8, 9)]
DEAD = [record(n, state=State.DEAD, cause="age" if n % 2 else None) for n in (10, 11, 12)]
PLAIN = digest(NO_HISTORY, 3, LIVING, BORN, DEAD)


@given(st.randoms())
def test_order_has_no_say_in_the_digest(chance: random.Random) -> None:
    groups = [list(group) for group in (LIVING, BORN, DEAD)]
    for group in groups:
        chance.shuffle(group)
    assert digest(NO_HISTORY, 3, *groups) == PLAIN


def test_every_part_of_history_has_a_say() -> None:
    others = {
        digest("1" * 64, 3, LIVING, BORN, DEAD),
        digest(NO_HISTORY, 4, LIVING, BORN, DEAD),
        digest(NO_HISTORY, 3, LIVING[1:], BORN, DEAD),
        digest(NO_HISTORY, 3, [replace(LIVING[0], energy=99), *LIVING[1:]], BORN, DEAD),
        digest(NO_HISTORY, 3, [replace(LIVING[0], genome_hash="x"), *LIVING[1:]], BORN, DEAD),
        digest(NO_HISTORY, 3, LIVING, BORN[1:], DEAD),
        digest(NO_HISTORY, 3, LIVING, [replace(BORN[0], place=99), *BORN[1:]], DEAD),
        digest(NO_HISTORY, 3, LIVING, BORN, [replace(DEAD[0], cause="turnover"), *DEAD[1:]]),
    }
    assert len(others | {PLAIN}) == 9


def test_what_comes_from_outside_has_no_say() -> None:
    elsewhere = [
        replace(one, pid=77, rss_bytes=9, cpu_seconds=1.5, stamp="other", restarts=2)
        for one in LIVING
    ]
    assert digest(NO_HISTORY, 3, elsewhere, BORN, DEAD) == PLAIN


def test_only_what_is_not_as_it_was_must_be_written() -> None:
    before = {one.id: one for one in LIVING}
    after = [replace(LIVING[0], energy=1), *LIVING[1:], BORN[0]]
    assert changed(before, after) == (after[0], BORN[0])
