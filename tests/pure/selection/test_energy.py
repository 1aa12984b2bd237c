"""Tests of the policy `energy`."""

import random

from selection_support import candidate, view_of

from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.energy import energy


def judged(view: PopulationView, seed: int = 1) -> Verdicts:
    return energy(view, random.Random(seed))


def test_who_has_no_energy_starves() -> None:
    living = [candidate(1, energy=0, age=0), candidate(2, energy=-5), candidate(3, energy=1)]
    assert judged(view_of(*living)).deaths == (("agent-0001", "starved"), ("agent-0002", "starved"))


def test_old_and_starved_dies_of_hunger_only() -> None:
    assert judged(view_of(candidate(1, energy=0, age=99))).deaths == (("agent-0001", "starved"),)


def test_poorest_grown_make_room_up_to_the_floor() -> None:
    living = [candidate(n, energy=100 * n, age=1 if n == 1 else 5) for n in range(1, 21)]
    deaths = judged(view_of(*living)).deaths
    assert deaths == (("agent-0002", "turnover"), ("agent-0003", "turnover"))


def test_starved_count_towards_the_floor() -> None:
    living = [candidate(n, energy=0 if n < 2 else 100) for n in range(20)]
    assert [cause for _, cause in judged(view_of(*living)).deaths] == ["starved", "starved"]


def test_only_the_rich_breed_and_only_as_often_as_they_can_pay() -> None:
    living = [candidate(1, energy=3000), *(candidate(n, energy=1499) for n in range(2, 20))]
    births = judged(view_of(*living, places=100)).births
    assert births == (("agent-0001",),) * 3  # 3000, 2250, 1500; then 750 are left


def test_richer_parent_comes_first_for_it_pays() -> None:
    living = [candidate(1, energy=2000), candidate(2, energy=9000)]
    for seed in range(30):
        first = judged(view_of(*living, places=3), seed).births[0]
        assert len(first) == 1 or first == ("agent-0002", "agent-0001")


def test_fitness_has_no_say() -> None:
    plain = [candidate(n, energy=300 * n) for n in range(20)]
    fit = [candidate(n, energy=300 * n, fitness=1 - n / 20) for n in range(20)]
    assert judged(view_of(*plain, places=25)) == judged(view_of(*fit, places=25))
