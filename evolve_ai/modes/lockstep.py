"""Lockstep: agents change between two cycles only, and a cycle waits for all that it needs."""

import time
from collections.abc import Mapping, Sequence

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Builder, Progress, Trier
from evolve_ai.model.agent import Fault
from evolve_ai.model.report import BuildRequest, BuildVerdict
from evolve_ai.modes.interleaving import Interleaving
from evolve_ai.session.population import Population
from evolve_ai.session.takeover import prelude
from evolve_ai.stages.build import Built
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import Renew
from evolve_ai.stages.update import Updated


class Lockstep:
    """What a life-cycle does otherwise in another mode; here mostly nothing."""

    def __init__(self, builder: Trier, progress: Progress | None = None):
        self.trier = builder
        self.progress = progress
        self._population: Population
        self._colony: Colony

    @property
    def prune_due(self) -> bool:
        """Old programs were to go before, and could not."""
        return False

    def join(self, population: Population, colony: Colony) -> None:
        """The population of a run, as it was taken over."""
        self._population, self._colony = population, colony

    def begin(self) -> None:
        """The first season of this run begins: from now on agents are started at any time."""

    def trial(self, requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict] | None:
        """What becomes of these requests; None: they are still being tried."""
        return self.trier.trial(requests, self.progress)

    def builder(self) -> Builder:
        """For who forgets or clears away programs."""
        return self.trier

    def cycle_builder(self) -> Builder:
        """For the build of a cycle."""
        return self.trier

    def counted_in(self, cycle: int) -> int:
        """The cycle that a failure counts in which came in the pause after this one."""
        return cycle + 1

    def follow(self) -> None:
        """Notice from now on what the living change."""

    def wait(self, seconds: float) -> None:
        """Sleep, but for what cannot wait for the next cycle."""
        time.sleep(seconds)

    def look(self, context: Context, faults: Mapping[str, Fault]) -> dict[str, Fault]:
        """Renew whoever is due in the pause of a cycle; those of the `faults` that are left."""
        return dict(faults)

    def check(self) -> None:
        """Raise what has failed beside the cycle."""

    def between(self, context: Context) -> Renew | None:
        """What is asked before and after each tick of a season."""
        return None

    def interleaving(
        self, context: Context, lived: Mapping[str, int] | None = None
    ) -> Interleaving:
        """For a long stage. `lived` is the last tick that each agent has answered, where that is
        not on record yet."""
        return Interleaving(context)

    def change_over(
        self, context: Context, updated: Updated, built: Built, interleaving: Interleaving
    ) -> None:
        """Give every agent the process of its program, on record: a season begins now."""
        population = self._population
        ran = population.run(context, updated, built, self._colony, prelude(context.cycle))
        population.keep(context, updated, built, ran, turning=True)

    def close(self) -> None:
        """End what goes on beside the cycle."""
