"""Long pasts: told in several frames, each small enough, none twice."""

from contextlib import closing
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.colony import pasts
from evolve_ai.colony.adoption import TOLD
from evolve_ai.colony.colony import Colony
from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.pasts import PastsTold
from evolve_ai.model.frame import MAX_BODY, MAX_STEPS_OF_FRAME, PerceptEncoder
from evolve_ai.model.world import Act, Percept

GENES = [{"path": f"src/genes/g{n}.rs", "code": "0" * 64, "functions": ["run"]} for n in range(500)]


def percept(count: int, heard: int = 4) -> Percept:
    return Percept(tuple(n + 0.25 for n in range(count)), (0.5,) * heard, 7)


def test_a_short_past_stays_as_it_is() -> None:
    percepts = {"a": percept(MAX_STEPS_OF_FRAME), "b": percept(0)}
    rounds, last = pasts.cut(percepts, {})
    assert rounds == {}
    assert last is percepts


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9000), min_size=1),
    st.booleans(),
    st.integers(0, 256),
)
def test_every_value_is_told_once_and_in_order(
    counts: dict[str, int], with_pool: bool, heard: int
) -> None:
    percepts = {id: percept(count, heard) for id, count in counts.items()}
    pools = dict.fromkeys(percepts, GENES) if with_pool else {}
    rounds, last = pasts.cut(percepts, pools)
    assert list(rounds) == sorted(rounds, reverse=True)
    for id, whole in percepts.items():
        told = [step for one in rounds.values() if id in one for step in one[id].steps]
        assert (*told, *last[id].steps) == whole.steps
        assert (last[id].heard, last[id].energy) == (whole.heard, whole.energy)
        assert bool(last[id].steps) == bool(whole.steps)
    encoder = PerceptEncoder(epoch=2**62, tick=-(2**62), cycle=2**62)
    for one in (*rounds.values(), last):
        for id, part in one.items():
            pool = pools.get(id) if one is last else None
            assert len(encoder.frame(part, pool)) <= MAX_BODY + 8


def test_agents_with_the_same_past_share_its_pieces() -> None:
    steps = percept(3000).steps
    rounds, last = pasts.cut({id: Percept(steps, (), 0) for id in "ab"}, {})
    assert all(one["a"].steps is one["b"].steps for one in rounds.values())
    assert last["a"].steps is last["b"].steps


def test_a_change_in_the_course_of_a_past_belongs_to_the_tick() -> None:
    acts = {"a": Act((1.0,)), "b": Act((1.0,), mutated="late")}
    found = pasts.with_mutations(acts, {"a": "early", "b": "early", "gone": "early"})
    assert found == {"a": Act((1.0,), mutated="early"), "b": Act((1.0,), mutated="late")}


@pytest.fixture
def colony(tmp_path: Path, nothing_left: None, keeper: Path) -> Colony:
    return Colony(tmp_path / "colony", keeper, no_world, epoch=5, box=FAKE_BOX, limits=QUICK)


def test_a_long_past_is_told_round_by_round(colony: Colony, tmp_path: Path) -> None:
    with colony:
        names = ("a", "b", "dies")
        vices = ("well_behaved", "well_behaved", "acts_then_exits")
        colony.start([start_of(tmp_path, n, fake(v)) for n, v in zip(names, vices, strict=True)])
        colony.order_log.open("season 1")
        long = {"a": percept(2500), "b": percept(3), "dies": percept(2500)}
        done = colony.exchange(long, tick=0, cycle=1)
        assert len(done.acts["a"].answers) == MAX_STEPS_OF_FRAME, "those to its last frame"
        assert done.acts["a"].answers[-1] == long["a"].steps[-1] + 1.0
        assert len(done.acts["b"].answers) == 3
        assert "dies" in done.faults
        assert "dies" not in done.acts
        again = colony.exchange(
            {"a": percept(2500)}, tick=1, cycle=1, told=PastsTold(2, {"a": "function_flip"})
        )
        assert again.acts["a"].mutated == "function_flip"
        bye = colony.stop(["a"])["a"]
        assert bye.state == b"5.", "three frames of the first past, two of the other"
    with closing(OrderLog(tmp_path / "colony" / "order_log")) as order_log:
        told = [entry[1:] for entry in order_log.entries if entry[0] == TOLD]
    assert told == [[2, {}], [1, {}], [1, {"a": "function_flip"}]]
