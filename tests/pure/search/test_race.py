"""Comparisons end early: how often that is wrong, and what it saves, by simulation."""

import random
from math import exp

import pytest

from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.search.champion_noise import ChampionNoise
from evolve_ai.search.evaluation import Evaluation, Plan, Rival
from evolve_ai.search.paired import Pairs
from evolve_ai.search.race import Spread, raced
from evolve_ai.search.statistics import Verdict
from evolve_ai.state.search_reader import TrialKey

REPEATS = 120
KNOWN = 13  # measurements of the champion


def cost(rng: random.Random, true: float, noise: float, is_wild: bool) -> float:
    wild = rng.uniform(0.2, 0.9) if is_wild and rng.random() < 0.05 else 0.0
    return -true * exp(rng.gauss(0.0, noise) + wild)


def compared(
    true: float, noise: float = 0.02, known: int = KNOWN, is_wild: bool = False, most: int = 6
) -> tuple[dict[Verdict, float], float]:
    """How often a candidate of this cost gets each verdict beside a champion of cost 1, and the
    mean number of pairs."""
    rng, found, pairs = random.Random(1), dict.fromkeys(Verdict, 0.0), 0
    for _ in range(REPEATS):
        repeats = tuple(cost(rng, 1.0, noise, is_wild) for _ in range(known))
        ours: tuple[float, ...] = ()
        theirs: tuple[float, ...] = ()
        verdict = None
        while verdict is None:
            ours += (cost(rng, true, noise, is_wild),)
            theirs += (cost(rng, 1.0, noise, is_wild),)
            verdict = Pairs(ours, theirs, repeats).verdict(most)
        found[verdict] += 1 / REPEATS
        pairs += len(ours)
    return found, pairs / REPEATS


@pytest.mark.parametrize("is_wild", [False, True])
@pytest.mark.parametrize("cheaper", [0.02, 0.05, 0.20])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_better_candidates_are_not_ended_early(cheaper: float, noise: float, is_wild: bool) -> None:
    before, _ = compared(1 - cheaper, noise, known=0, is_wild=is_wild)
    after, _ = compared(1 - cheaper, noise, is_wild=is_wild)
    assert after[Verdict.WORSE] <= 0.06
    assert after[Verdict.BETTER] >= before[Verdict.BETTER] - 0.08


@pytest.mark.parametrize(
    ("dearer", "most_pairs"), [(0.0, 4.0), (0.05, 2.5), (0.5, 1.05), (3.0, 1.0)]
)
def test_others_end_early(dearer: float, most_pairs: float) -> None:
    before, old = compared(1 + dearer, known=0)
    after, new = compared(1 + dearer)
    assert after[Verdict.BETTER] <= 0.04 and new <= most_pairs < old
    assert after[Verdict.BETTER] <= before[Verdict.BETTER] + 0.03


def test_one_wild_trial_of_a_good_candidate_ends_nothing() -> None:
    repeats = (*(-1.0 - 0.01 * (at % 3) for at in range(10)), -1.9, -1.0)
    assert Pairs((-2.5,), (-1.0,), repeats).verdict(6) is None
    assert Pairs((-9.0,), (-1.0,), repeats).verdict(6) is Verdict.WORSE


def test_little_is_known_of_a_new_champion() -> None:
    assert Spread.of([1.0] * 5) is None
    assert raced([-100.0, -101.0], 6, None) is None


def test_costs_without_noise_need_one_pair() -> None:
    spread = Spread.of([-2.0] * 6)
    found = [raced([one], 6, spread) for one in (-0.5, 0.0, 0.5)]
    assert found == [Verdict.WORSE, Verdict.UNDECIDED, None]
    assert raced([0.5] * 3, 6, spread) is Verdict.BETTER


def test_scores_that_change_their_sign_are_compared_as_they_are() -> None:
    known = (0.1, -0.1, 0.2, -0.2, 0.1, -0.1, 0.0)
    assert Pairs((-9.0, -8.5), (0.1, -0.2), known).verdict(6) is Verdict.WORSE
    assert Pairs((9.0, 8.5, 9.1), (0.1, -0.2, 0.0), known).verdict(6) is Verdict.BETTER


def test_noise_is_that_of_the_present_champion() -> None:
    noise = ChampionNoise()
    noise.tell(0, True, {0: (-9.0, -9.1)})
    noise.tell(1, False, {1: (-8.0,), 0: (-9.2,)})
    assert noise.repeats == (-9.0, -9.1, -9.2)
    again = ChampionNoise()
    again.restore(noise.state())
    for one in (noise, again):
        one.tell(2, True, {2: (-1.0, -1.1), 0: (-9.0, -9.3)})
        one.tell(3, False, {3: (-8.0,), 0: (-9.2,)})
        one.tell(4, False, {4: (-8.0,), 2: (-1.2,)})
        assert one.repeats == (-1.0, -1.1, -1.2)


PLAN = Plan((" ",), (), (1, 2), 0, 6, -1.0)
RIVAL = Rival(0, {}, Score((-1.0,)), (-1.0, -1.01, -0.99, -1.0, -1.01, -1.0, -0.99))


def walked(costs: dict[int, float]) -> Evaluation:
    """An evaluation of candidate 7 with these costs by subject, to its end."""
    evaluation = Evaluation(7, PLAN, RIVAL)
    while (key := evaluation.next()) is not None:
        evaluation.add(key, Score((-costs[key.subject],)))
    return evaluation


def test_much_worse_candidate_ends_after_one_round_with_a_comparable_score() -> None:
    evaluation = walked({7: 8.0, 0: 2.0})
    assert evaluation.judged == Score((-4.0,)), "the champion's score on record, times four"
    assert evaluation.rounds() == {0: (-2.0,), 7: (-8.0,)}


def test_round_has_all_seeds_with_the_candidate_first() -> None:
    evaluation, keys = Evaluation(7, PLAN, RIVAL), []
    for _ in range(4):
        key = evaluation.next()
        assert key is not None
        keys.append((key.subject, key.seed, key.repeat))
        evaluation.add(key, Score((-1.0 - 0.001 * len(keys),)))
    assert keys == [(7, 1, 0), (0, 1, 0), (0, 2, 0), (7, 2, 0)]
    assert evaluation.rounds()[7] == (pytest.approx(-1.0025),)


def test_record_gives_the_verdict_that_was_given() -> None:
    first = walked({7: 0.5, 0: 1.0})
    again = Evaluation(7, PLAN, RIVAL)
    for key in [TrialKey(7, s, " ", seed, r) for s in (7, 0) for seed in (1, 2) for r in range(3)]:
        again.add(key, Score((-0.5 if key.subject == 7 else -1.0,)))
    assert again.next() is None and again.judged == first.judged == Score((-0.5,))


def test_champion_that_fails_now_is_left_out() -> None:
    evaluation = Evaluation(7, PLAN, RIVAL)
    while (key := evaluation.next()) is not None:
        failed = key.subject == 0 and key.seed == 2
        evaluation.add(key, Fault(Cause.CRASH, "") if failed else Score((-3.0,)))
    assert evaluation.judged == Score((-1.0,))
