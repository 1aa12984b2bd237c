"""Tests of `truncation` and `tournament`: who is fit breeds, who is not dies."""

import random

import pytest
from selection_support import candidate, view_of

from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.model.selection_settings import TournamentOptions, TruncationOptions
from evolve_ai.selection.tournament import Tournament
from evolve_ai.selection.truncation import Truncation

truncation, tournament = Truncation(TruncationOptions()), Tournament(TournamentOptions())
both = pytest.mark.parametrize("policy", [truncation, tournament])


def test_truncation_kills_the_least_fit_and_breeds_from_the_fitter_half() -> None:
    living = [candidate(n, fitness=n / 20) for n in range(20)]
    verdicts = truncation(view_of(*living, places=30), random.Random(1))
    assert verdicts.deaths == (("agent-0000", "selected"), ("agent-0001", "selected"))
    assert {parent for parents in verdicts.births for parent in parents} <= {
        f"agent-{n:04}" for n in range(11, 20)
    }


def test_tournament_favours_the_fit_at_both_ends() -> None:
    living = [candidate(n, fitness=n / 20) for n in range(20)]
    dead: list[int] = []
    bred: list[int] = []
    for seed in range(200):
        verdicts = tournament(view_of(*living, places=30), random.Random(seed))
        dead += [int(agent[6:]) for agent, _ in verdicts.deaths]
        bred += [int(parent[6:]) for parents in verdicts.births for parent in parents]
    assert sum(dead) / len(dead) < 7 < 12 < sum(bred) / len(bred)


@both
def test_who_has_no_fitness_yet_does_not_breed(policy: SelectionPolicy) -> None:
    living = [candidate(1, fitness=None), candidate(2, fitness=0.0)]
    assert policy(view_of(*living, places=3), random.Random(1)).births == (("agent-0002",),)


@both
def test_nobody_starves(policy: SelectionPolicy) -> None:
    living = [candidate(n, energy=-1000, age=0) for n in range(20)]
    assert policy(view_of(*living), random.Random(1)).deaths == ()
