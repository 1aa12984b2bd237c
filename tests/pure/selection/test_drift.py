"""Tests of the policy `none`: drift."""

import random

from hypothesis import given
from hypothesis import strategies as st
from selection_support import candidate, view_of

from evolve_ai.selection.drift import drift


@given(st.permutations(range(20)), st.integers(0, 2**32))
def test_energy_and_fitness_have_no_say(order: list[int], seed: int) -> None:
    plain = [candidate(n) for n in range(20)]
    other = [candidate(n, energy=order[n] - 5, fitness=order[n] / 20) for n in range(20)]
    one, two = (drift(view_of(*c, places=25), random.Random(seed)) for c in (plain, other))
    assert one == two


def test_everybody_dies_and_breeds_equally_often() -> None:
    view = view_of(*(candidate(n, energy=n - 5) for n in range(10)), places=12)
    dead: dict[str, int] = {}
    bred: dict[str, int] = {}
    for seed in range(3000):
        verdicts = drift(view, random.Random(seed))
        for agent, _ in verdicts.deaths:
            dead[agent] = dead.get(agent, 0) + 1
        for parent in (parent for parents in verdicts.births for parent in parents):
            bred[parent] = bred.get(parent, 0) + 1
    assert len(dead) == len(bred) == 10
    assert max(dead.values()) < 1.4 * min(dead.values())
    assert max(bred.values()) < 1.4 * min(bred.values())
