"""Clusters of programs with the same scores on every seed: one island of `funsearch`."""

import random
from collections.abc import Iterator, Mapping
from math import exp
from typing import Any, NamedTuple

from evolve_ai.model.candidate import Entry

Signature = tuple[float, ...]


class Program(NamedTuple):
    number: int
    value: float
    size: float  # bytes
    signature: Signature


class Cluster:
    """Programs with one signature; the value is that of the best."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.value = float("-inf")

    def add(self, new: Program, most: int) -> bool:
        """Is it kept? Where there are too many, the longest one leaves, the oldest of equal ones,
        but not the best."""
        self.programs.append(new)
        best = max(self.programs, key=_rank)
        self.value = best.value
        if len(self.programs) <= most:
            return True
        rest = [one for one in self.programs if one is not best]
        gone = max(rest, key=lambda one: (one.size, -one.number))
        self.programs.remove(gone)
        return gone is not new

    def drawn(self, rng: random.Random) -> Program:
        """Shorter programs are likelier, up to e times."""
        if len(self.programs) == 1:
            return self.programs[0]
        shortest = min(one.size for one in self.programs)
        longest = max(one.size for one in self.programs)
        weights = [exp(-(one.size - shortest) / (longest + 1e-6)) for one in self.programs]
        return rng.choices(self.programs, weights)[0]


class Clusters:
    """The clusters of an island, at most so many; the worst one leaves, the oldest of equals."""

    def __init__(self, most: int, size: int):
        self._most = most
        self._size = size
        self._clusters: dict[Signature, Cluster] = {}
        self.told = 0
        self.best: Program  # the first by rank, once there is one; it never leaves

    def add(self, entry: Entry) -> bool:
        """Is it kept?"""
        goals = tuple(map(float, entry.goals))
        signature = tuple(map(float, entry.signature)) or goals
        size = max(0.0, float(entry.features.get("size", 0.0)))
        return self.settle(Program(entry.number, goals[0], size, signature))

    def settle(self, new: Program) -> bool:
        kept = self._clusters.setdefault(new.signature, Cluster()).add(new, self._size)
        if kept and (not self.told or _rank(new) > _rank(self.best)):
            self.best = new
        self.told += 1
        if len(self._clusters) > self._most:
            rest = (one for one in self._clusters if one != self.best.signature)
            worst = min(rest, key=lambda one: self._clusters[one].value)
            del self._clusters[worst]
            kept = kept and worst != new.signature
        return kept

    def drawn(self, rng: random.Random, temperature: float, most: int) -> list[Cluster]:
        """Different clusters, each by Boltzmann's weights of values that are scaled to 0..1."""
        clusters = list(self._clusters.values())
        values = [one.value for one in clusters]
        high = max(values)
        width = (high / 2 - min(values) / 2) * temperature  # finite for all finite numbers
        weights = [_weight(high / 2 - value / 2, width) for value in values]
        found: list[Cluster] = []
        for _ in range(min(most, len(clusters))):
            if not any(weights):  # the others are too bad for this temperature
                break
            at = rng.choices(range(len(clusters)), weights)[0]
            found.append(clusters[at])
            weights[at] = 0.0
        return found

    def some(self, rng: random.Random, most: int) -> list[Cluster]:
        """Any of the clusters, evenly."""
        clusters = list(self._clusters.values())
        return rng.sample(clusters, min(most, len(clusters)))

    def programs(self) -> Iterator[Program]:
        for cluster in self._clusters.values():
            yield from cluster.programs

    def state(self) -> Mapping[str, Any]:
        return {
            "told": self.told,
            "clusters": [
                [list(signature), [list(one[:3]) for one in cluster.programs]]
                for signature, cluster in self._clusters.items()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._clusters = {}
        for signature, programs in state["clusters"]:
            cluster = self._clusters[tuple(signature)] = Cluster()
            for number, value, length in programs:
                cluster.add(Program(number, value, length, tuple(signature)), self._size)
        self.told = state["told"]
        if self.told:
            self.best = max(self.programs(), key=_rank)


def _rank(one: Program) -> tuple[float, float, int]:
    """The better, then the shorter, then the newer."""
    return one.value, -one.size, one.number


def _weight(behind: float, width: float) -> float:
    return exp(-behind / width) if width and behind else 1.0
