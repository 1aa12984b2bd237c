"""Lockstep: agents change only between two cycles, and a cycle waits for all that it needs."""

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
    """The steps of a life-cycle in which modes differ; lockstep does little in most of them."""

    def __init__(self, builder: Trier, progress: Progress | None = None):
        self.trier = builder
        self.progress = progress
        self.begun = False  # has the first season of this run begun?
        self._population: Population
        self._colony: Colony

    @property
    def prune_due(self) -> bool:
        """True if a removal of old programs was put off."""
        return False

    def join(self, population: Population, colony: Colony) -> None:
        """Set the population of a run, once it was taken over."""
        self._population, self._colony = population, colony

    def begin(self) -> None:
        """Note that the first season begins: from now on agents may be started at any time."""
        self.begun = True

    def trial(self, requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict] | None:
        """The verdicts on these requests; None while they are being tried."""
        return self.trier.trial(requests, self.progress)

    def builder(self) -> Builder:
        """The builder to forget or prune programs with."""
        return self.trier

    def cycle_builder(self) -> Builder:
        """The builder for the build of a cycle."""
        return self.trier

    def counted_in(self, cycle: int) -> int:
        """The cycle of failures that occur in the pause after this cycle."""
        return cycle + 1

    def follow(self) -> None:
        """Watch the living for changes from now on."""

    def wait(self, seconds: float) -> None:
        """Sleep, except for what cannot wait for the next cycle."""
        time.sleep(seconds)

    def look(self, context: Context, faults: Mapping[str, Fault]) -> dict[str, Fault]:
        """Renew the agents that are due in a pause; return the `faults` still to be judged."""
        return dict(faults)

    def check(self) -> None:
        """Raise an error that occurred in the background."""

    def between(self, context: Context) -> Renew | None:
        """The function to call before and after each tick of a season, if any."""
        return None

    def interleaving(
        self, context: Context, lived: Mapping[str, int] | None = None
    ) -> Interleaving:
        """An interleaving for a long stage. `lived` is the last tick that each agent has answered,
        if that is not on record yet."""
        return Interleaving(context)

    def change_over(
        self, context: Context, updated: Updated, built: Built, interleaving: Interleaving
    ) -> None:
        """Give every agent the process of its program and record that a season begins now."""
        population = self._population
        ran = population.run(context, updated, built, self._colony, prelude(context.cycle))
        population.keep(context, updated, built, ran, turning=True)

    def close(self) -> None:
        """End what runs in the background."""
