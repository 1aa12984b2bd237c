"""Runs several worlds side by side, each with its own pot and its own neighbours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from evolve_ai.contracts.environment import Environment
from evolve_ai.model.places import deme_of
from evolve_ai.model.world import Account, Act, Percept, Resident, Season

# Opens a world with so many places.
OpenOne = Callable[[int], Environment]


class Demes:
    """Those of the worlds 0 to `demes` - 1 that are `ours`; other processes run the rest.

    `places` counts the places of all demes together. Place p is place p // demes of its deme.
    """

    name = "demes"

    def __init__(self, open_one: OpenOne, places: int, demes: int, ours: Iterable[int]):
        """Raises ValueError when the worlds have different numbers of phases."""
        self._demes = demes
        # A deme without places needs a world, too, so that its time goes on.
        self._worlds = {deme: open_one(max(1, -(-(places - deme) // demes))) for deme in ours}
        found = {world.phases for world in self._worlds.values()}
        if len(found) != 1:
            raise ValueError(f"worlds side by side have {sorted(found)} phases, not the same")
        (self.phases,) = found
        self._home: dict[str, int] = {}

    def move_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None:
        shares = self._shares(residents)
        self._home = {one.id: deme for deme, share in shares.items() for one in share}
        for deme, world in self._worlds.items():
            world.move_in(shares[deme], tick, cycle)

    def resettle(self, residents: Sequence[Resident]) -> None:
        for deme, share in self._shares(residents).items():
            if share:
                self._worlds[deme].resettle(share)

    def _shares(self, residents: Sequence[Resident]) -> dict[int, list[Resident]]:
        """The residents of each deme, with their places in it."""
        shares: dict[int, list[Resident]] = {deme: [] for deme in self._worlds}
        for resident in residents:
            share = shares[deme_of(resident.place, self._demes)]
            share.append(replace(resident, place=resident.place // self._demes))
        return shares

    def percepts(self, phase: int) -> Mapping[str, Percept]:
        asked: dict[str, Percept] = {}
        for world in self._worlds.values():
            asked.update(world.percepts(phase))
        return asked

    def hear(self, phase: int, acts: Mapping[str, Act]) -> None:
        shares: dict[int, dict[str, Act]] = {deme: {} for deme in self._worlds}
        for agent, act in acts.items():
            shares[self._home[agent]][agent] = act
        for deme, world in self._worlds.items():
            world.hear(phase, shares[deme])

    def end_tick(self) -> None:
        for world in self._worlds.values():
            world.end_tick()

    def close(self) -> Season:
        return together([world.close() for world in self._worlds.values()])


def together(seasons: Sequence[Season]) -> Season:
    """The seasons of several worlds as one. ValueError when they ended at different ticks."""
    ticks = {season.tick for season in seasons}
    if len(ticks) != 1:
        raise ValueError(f"worlds side by side ended at the ticks {sorted(ticks)}")
    accounts: dict[str, Account] = {}
    lived: dict[str, int] = {}
    for season in seasons:
        accounts.update(season.accounts)
        lived.update(season.lived)
    return Season(ticks.pop(), accounts, lived, seasons[0].main)
