"""Measures the budgets once a cycle, and keeps the population within them."""

from collections.abc import Sequence
from dataclasses import replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.model.budget import ON_DISK, Budget, Resource
from evolve_ai.model.remedy import remedy, used_in_words
from evolve_ai.model.selection import Verdicts
from evolve_ai.session.background_removal import BackgroundRemoval
from evolve_ai.session.population import Population
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import Observed
from evolve_ai.stages.ration import ration
from evolve_ai.system.housekeeping import Housekeeping
from evolve_ai.system.project import Project


class Budgets:
    """The limits that a run sets to its population's use of the machine."""

    def __init__(
        self, project: Project, population: Population, colonies: int, removal: BackgroundRemoval
    ):
        self._house = Housekeeping(
            project, project.settings.budget, list(population.agents), colonies
        )
        self._population = population
        self._removal = removal
        self._acting: frozenset[Resource] = frozenset()
        self._full: frozenset[Resource] = frozenset()  # the user was told of these in this run

    def keep(
        self, context: Context, observed: Observed, verdicts: Verdicts, colony: Colony, places: int
    ) -> tuple[Observed, Verdicts]:
        """Reduce the verdicts to what the budgets allow, and note what they changed."""
        pids = list(colony.running().values())
        budgets = self._house.budgets(list(observed.agents), pids)
        if any(b.tight for b in budgets if b.resource in ON_DISK) and self._removal.holds:
            self._removal.remove_all()  # the dead still take up room
            budgets = self._house.budgets(list(observed.agents), pids)
        kept = ration(context, observed.agents, verdicts, budgets, self._acting, places)
        self._acting = kept.acting
        self._population.notes += self._told_of_full(budgets, kept.acting)
        self._population.notes += kept.notes
        events, taints = (*observed.events, *kept.events), (*observed.taints, *kept.taints)
        return replace(observed, events=events, taints=taints), kept.verdicts

    def _told_of_full(
        self, budgets: Sequence[Budget], acting: frozenset[Resource]
    ) -> tuple[str, ...]:
        """A line for each full budget, once. Those in `acting` are reported elsewhere."""
        full = [b for b in budgets if b.over and b.resource not in self._full | acting]
        self._full |= {budget.resource for budget in budgets if budget.over}
        return tuple(f"{used_in_words(b)}; {remedy(b)}" for b in full)
