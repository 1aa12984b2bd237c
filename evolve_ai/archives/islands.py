"""The archive `islands`: several lists of the best that evolve apart and exchange some."""

import random
from collections.abc import Mapping
from typing import Any

from evolve_ai.archives.ranked import Kept, Ranked, best_first, kept_of, other_kept
from evolve_ai.model.archive_settings import IslandsOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry
from evolve_ai.model.draws import Draws


class Islands:
    """Satisfies contracts.archive.Archive: the island model (Tanese 1989; Whitley, Rana and
    Heckendorn 1999). The first entry settles on every island; each is asked in turn. Parents are
    drawn as the better of two."""

    name = "islands"
    uses_shape = False

    def __init__(self, options: IslandsOptions, seed: int = 0):
        self._options = options
        self._draws = Draws(seed)
        self._islands = [self._empty() for _ in range(options.islands)]
        self._since = [0] * options.islands  # candidates since the last migration from there
        self._told = 0

    def _empty(self, *kept: Kept) -> Ranked:
        return Ranked(self._options.size, True, kept, self._options.growth)

    def ask(self, number: int, rng: random.Random) -> Choice:
        at = number % len(self._islands)
        island = self._islands[at]
        first, second = island.drawn(rng), island.drawn(rng)
        parents = tuple(dict.fromkeys((first.number, second.number)))
        return Choice(parents, other_kept(rng, island.kept, parents), at)

    def tell(self, entry: Entry) -> Placement:
        new, settled, every = kept_of(entry), self._told > 0, self._options.restart_every
        if settled and every and self._told % every == 0:
            self._restart()
        improved = not settled or new.value > self._best().value
        at = entry.island % len(self._islands)
        places = (self._islands[at],) if settled else self._islands
        ranks = [island.add(new) for island in places]
        self._told += 1
        self._since[at] += 1
        if self._since[at] == self._options.every:
            self._since[at] = 0
            self._migrate(at, self._draws.rng("migration", entry.number))
        kept = ranks[0] is not None
        return Placement(kept, improved, f"island {at}" if settled and kept else "")

    def _best(self) -> Kept:
        return max((island.best for island in self._islands), key=lambda one: one.value)

    def _migrate(self, at: int, rng: random.Random) -> None:
        targets = [self._islands[target] for target in self._targets(at, rng)]
        migrants = [one for one in self._islands[at].kept if rng.random() < self._options.rate]
        for target in targets:
            there = {one.number for one in target.kept}
            for one in migrants:
                if one.number not in there:
                    target.add(one)

    def _targets(self, at: int, rng: random.Random) -> list[int]:
        rest = [one for one in range(len(self._islands)) if one != at]
        if not rest or self._options.topology == "full":
            return rest
        if self._options.topology == "random":
            return [rng.choice(rest)]
        return [(at + 1) % len(self._islands)]

    def _restart(self) -> int:
        """The worst island begins anew from the best one's champion; which it was."""
        values = [island.best.value for island in self._islands]
        champion = self._best()
        home = values.index(champion.value)
        rest = [at for at in range(len(values)) if at != home] or [home]
        worst = min(rest, key=lambda at: (values[at], self._islands[at].best.number))
        self._islands[worst] = self._empty(champion)
        self._since[worst] = 0
        return worst

    def members(self) -> tuple[int, ...]:
        return best_first(one for island in self._islands for one in island.kept)

    def stir(self, number: int, rng: random.Random) -> str:
        worst = self._restart()
        return f"island {worst} begins anew from candidate {self._islands[worst].best.number}"

    def state(self) -> Mapping[str, Any]:
        return {
            "islands": [island.state() for island in self._islands],
            "since": list(self._since),
            "told": self._told,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._islands = [
            Ranked(self._options.size, True, kept, self._options.growth)
            for kept in state["islands"]
        ]
        self._since = list(state["since"])
        self._told = state["told"]
