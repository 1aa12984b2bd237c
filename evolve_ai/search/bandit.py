"""Chooses operators by the credit that they have earned."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEMORY = 0.998  # of credit, from one candidate to the next: about 500 of them count
EVENLY = 0.2  # of all choices are spread evenly, so that none is forgotten
PRIOR = 20.0  # candidates that the weights count for at first
RATE = 0.03  # the part of them that is taken to have improved, at a weight of 1


@dataclass(frozen=True, slots=True)
class Credit:
    """What became of the candidates of an operator: `succeeded` have a score, `improved` are
    better than their parent. `share`: how likely it is chosen next."""

    tried: int
    succeeded: int
    improved: int
    share: float


class Bandit:
    """Probability matching (Goldberg 1990; Thierens 2005, "An adaptive pursuit strategy for
    allocating operator probabilities"): an operator is chosen in proportion to what it brings, and
    with a least probability. What it brings is discounted (as in the discounted bandits of
    Garivier and Moulines 2008), reward divided by cost, since late phases of a search need other
    operators than early ones. `weights`: how readily each is chosen at first."""

    def __init__(self, weights: Mapping[str, float]):
        if not weights:
            raise ValueError("a bandit needs operators")
        total = sum(weights.values())
        equal = not total
        self._prior = {
            name: 1.0 if equal else weight * len(weights) / total
            for name, weight in weights.items()
        }
        self._gain = dict.fromkeys(weights, 0.0)
        self._cost = dict.fromkeys(weights, 0.0)
        self._counts = {name: [0, 0, 0] for name in weights}

    def ask(self, rng: random.Random) -> str:
        return rng.choices(list(self._prior), self._shares())[0]

    def tell(self, operator: str, reward: float | None, cost: float = 1.0) -> None:
        """`reward`: see `reward_of`; None for a candidate without a score. `cost`: of making and
        evaluating it, in any unit that is about 1 for an ordinary one."""
        if operator not in self._prior:  # of an earlier run, with other proposers
            return
        for name in self._gain:
            self._gain[name] *= MEMORY
            self._cost[name] *= MEMORY
        self._gain[operator] += reward or 0.0
        self._cost[operator] += max(cost, 1e-9)
        counts = self._counts[operator]
        counts[0] += 1
        counts[1] += reward is not None
        counts[2] += bool(reward)

    def credit(self) -> dict[str, Credit]:
        found = {}
        for name, share in zip(self._prior, self._shares(), strict=True):
            tried, succeeded, improved = self._counts[name]
            found[name] = Credit(tried, succeeded, improved, share)
        return found

    def _shares(self) -> list[float]:
        worth = [
            (self._gain[name] + PRIOR * RATE * prior) / (self._cost[name] + PRIOR)
            for name, prior in self._prior.items()
        ]
        total, least = sum(worth), EVENLY / len(worth)
        return [least + (1.0 - EVENLY) * one / total for one in worth]

    def state(self) -> Mapping[str, Any]:
        return {
            name: [self._gain[name], self._cost[name], *self._counts[name]] for name in self._prior
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Operators that the state does not know begin anew; those that are gone are forgotten."""
        for name in self._prior:
            gain, cost, *counts = state.get(name, (0.0, 0.0, 0, 0, 0))
            self._gain[name], self._cost[name], self._counts[name] = gain, cost, counts


def shared(proposers: Iterable[tuple[float, Sequence[str]]]) -> dict[str, float]:
    """The weights of operators: each proposer's weight is divided among its own."""
    return {name: weight / len(names) for weight, names in proposers for name in names}


def reward_of(goals: Sequence[float] | None, parent: Sequence[float] | None) -> float | None:
    """1.0 for a candidate that is better than its parent, else 0.0; None for one without a score.
    Only the sign counts, so that one lucky leap does not decide for hundreds of candidates. With
    several goals, better means: in one at least, and worse in none."""
    if goals is None:
        return None
    if parent is None:
        return 1.0
    pairs = list(zip(goals, parent, strict=True))
    better = any(one > other for one, other in pairs)
    return float(better and all(one >= other for one, other in pairs))
