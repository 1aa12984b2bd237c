"""Free mode: agents change at any time, and nobody waits for the compiler."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Builder, Progress, ReadOnlyBuilder, Trier
from evolve_ai.model.agent import Fault
from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool
from evolve_ai.modes.background import BackgroundBuilder
from evolve_ai.modes.interleaving import Interleaving
from evolve_ai.modes.live_updates import LiveUpdates, open_watcher
from evolve_ai.modes.lockstep import Lockstep
from evolve_ai.session.components import Components
from evolve_ai.session.population import Population
from evolve_ai.stages.build import Built
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import Renew
from evolve_ai.stages.update import Updated


class FreeMode(Lockstep):
    """Agents are also renewed in the pauses of a cycle, once the first season has begun."""

    def __init__(
        self,
        builder: Trier,
        progress: Progress | None,
        population: Population,
        colony: Colony,
        background: BackgroundBuilder,
        live_updates: LiveUpdates,
    ):
        super().__init__(builder, progress)
        self.join(population, colony)
        self._background = background
        self._live_updates = live_updates

    @property
    def prune_due(self) -> bool:
        return self._background.prune_due

    def trial(self, requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict] | None:
        return self._background.trial_beside(requests)

    def builder(self) -> Builder:
        return self._background

    def cycle_builder(self) -> Builder:
        """The background builder; while no agent lives, one that the cycle waits for."""
        self._background.finished()  # drop the list: the coming build asks for all agents anyway
        self._background.check()
        alone = self._background.idle and not self._colony.running()
        return self.trier if alone else self._background

    def counted_in(self, cycle: int) -> int:
        return cycle

    def follow(self) -> None:
        self._live_updates.follow()

    def wait(self, seconds: float) -> None:
        if self.begun:
            self._live_updates.wait(seconds)
        else:
            super().wait(seconds)

    def look(self, context: Context, faults: Mapping[str, Fault]) -> dict[str, Fault]:
        if not self.begun:
            return dict(faults)
        self._live_updates.look(context, {}, faults)
        return {}

    def check(self) -> None:
        if self.begun:
            self._background.check()

    def between(self, context: Context) -> Renew | None:
        return partial(self._live_updates.look, context)

    def interleaving(
        self, context: Context, lived: Mapping[str, int] | None = None
    ) -> Interleaving:
        return Interleaving(context, self._live_updates if self.begun else None, lived)

    def change_over(
        self, context: Context, updated: Updated, built: Built, interleaving: Interleaving
    ) -> None:
        """Replaces processes a few at a time, so that other agents can change in between."""
        if self.begun:
            self._population.change_over(context, updated, built, self._colony, interleaving.look)
        else:
            super().change_over(context, updated, built, interleaving)

    def close(self) -> None:
        self._live_updates.close()


def mode_of(
    components: Components,
    lockstep: Lockstep,
    population: Population,
    colony: Colony,
    pool: Callable[[], GenePool],
) -> Lockstep:
    """The mode that the settings name, for a population that was taken over. Close it."""
    if components.clock is None:
        lockstep.join(population, colony)
        return lockstep

    def read_only() -> ReadOnlyBuilder:
        return components.read_only_builder(pool())

    watcher = open_watcher(components.project.agents, components.substrate, pool())
    try:
        background = BackgroundBuilder(lockstep.trier, read_only)
        live_updates = LiveUpdates(population, colony, background, watcher, components.clock)
    except BaseException:
        watcher.close()
        raise
    return FreeMode(lockstep.trier, lockstep.progress, population, colony, background, live_updates)
