"""The archive `funsearch`: islands of clusters of programs that score alike on every seed."""

import random
from collections.abc import Mapping
from typing import Any

from evolve_ai.archives.clusters import Clusters
from evolve_ai.archives.ranked import INSPIRATIONS, Kept, best_first
from evolve_ai.model.archive_settings import FunsearchOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry
from evolve_ai.model.draws import Draws


class Funsearch:
    """Satisfies contracts.archive.Archive: the programs database of FunSearch (Romera-Paredes and
    others 2023). Unlike there, scores are scaled to 0..1 among the clusters of an island, so that
    a temperature suits every task, and an island has a limited number of clusters."""

    name = "funsearch"
    uses_shape = False

    def __init__(self, options: FunsearchOptions, seed: int = 0):
        self._options = options
        self._draws = Draws(seed)
        self._islands = [self._empty() for _ in range(options.islands)]
        self._told = 0

    def _empty(self) -> Clusters:
        return Clusters(self._options.clusters, self._options.size)

    def ask(self, number: int, rng: random.Random) -> Choice:
        at = number % len(self._islands)
        island = self._islands[at]
        found = [cluster.drawn(rng) for cluster in island.drawn(rng, self._temperature(island), 2)]
        found.sort(key=lambda one: -one.value)
        parents = tuple(one.number for one in found)
        rest = (cluster.drawn(rng).number for cluster in island.some(rng, INSPIRATIONS))
        return Choice(parents, tuple(one for one in dict.fromkeys(rest) if one not in parents), at)

    def _temperature(self, island: Clusters) -> float:
        period = self._options.period
        return self._options.temperature * (1.0 - island.told % period / period)

    def tell(self, entry: Entry) -> Placement:
        settled, every = self._told > 0, self._options.reset_every
        if settled and every and self._told % every == 0:
            self._reset(self._draws.rng("reset", entry.number))
        improved = not settled or float(entry.goals[0]) > self._best()
        at = entry.island % len(self._islands)
        places = (self._islands[at],) if settled else self._islands
        kept, *_ = [island.add(entry) for island in places]
        self._told += 1
        return Placement(kept, improved, f"island {at}" if settled and kept else "")

    def _best(self) -> float:
        return max(island.best.value for island in self._islands)

    def _reset(self, rng: random.Random) -> list[int]:
        """The worse half of the islands begin anew, each from the champion of a random one of the
        better half; which they were."""
        ranked = sorted(
            range(len(self._islands)), key=lambda at: (-self._islands[at].best.value, at)
        )
        half = max(1, (len(ranked) + 1) // 2)
        stay, leave = ranked[:half], ranked[half:]
        for at in leave or stay:
            champion = self._islands[rng.choice(stay)].best
            self._islands[at] = self._empty()
            self._islands[at].settle(champion)
        return leave or stay

    def members(self) -> tuple[int, ...]:
        return best_first(
            Kept(one.number, one.value) for island in self._islands for one in island.programs()
        )

    def stir(self, number: int, rng: random.Random) -> str:
        anew = ", ".join(map(str, sorted(self._reset(rng))))
        return f"the worse islands ({anew}) begin anew from champions of the better ones"

    def state(self) -> Mapping[str, Any]:
        return {"islands": [island.state() for island in self._islands], "told": self._told}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._islands = [self._empty() for _ in state["islands"]]
        for island, told in zip(self._islands, state["islands"], strict=True):
            island.restore(told)
        self._told = state["told"]
