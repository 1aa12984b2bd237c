"""Carries out operator commands between cycles, and says whether the population is paused."""

from collections.abc import Callable, Mapping, Sequence

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Builder
from evolve_ai.model.agent import Fault
from evolve_ai.model.report import GenePool
from evolve_ai.operator import commands
from evolve_ai.session.components import Components
from evolve_ai.session.population import Population
from evolve_ai.state.registry import Registry

Hear = Callable[[str, str], None]  # called with the name of a command and its outcome


class Operator:
    """Carries out the commands in the inbox whenever the manager has time between two cycles."""

    def __init__(
        self,
        components: Components,
        registry: Registry,
        run_id: str,
        population: Population,
        colony: Colony,
        builder: Callable[[], Builder],
        remove: Callable[[Sequence[str]], None],
        pool: Callable[[], GenePool],
        found: commands.Found,
        hear: Hear | None = None,
    ):
        self._components = components
        self._registry = registry
        self._run_id = run_id
        self._population = population
        self._colony = colony
        self._hear = hear
        self._reach = commands.Reach(found, self._end, builder, remove, pool)
        self._faults: dict[str, Fault] = {}

    @property
    def paused(self) -> bool:
        """True until `resume`: no ticks, births or deaths happen, but agents live on."""
        return self._registry.state.paused is not None

    def obey(self, cycle: int, faults: Mapping[str, Fault]) -> dict[str, Fault]:
        """Carry out new commands. `faults` wait for the next cycle; returned are those of agents
        that still live, and others noticed meanwhile."""
        population = self._population
        carried = commands.carry_out(
            self._components, self._registry, self._run_id, cycle, population.agents, self._reach
        )
        if carried.told:
            population.agents = carried.agents
        for name, outcome in carried.told:
            if self._hear is not None:
                self._hear(name, outcome)
        noticed, self._faults = {**faults, **self._faults}, {}
        return {agent: fault for agent, fault in noticed.items() if agent in population.agents}

    def _end(self, agents: Sequence[str]) -> Sequence[str]:
        """Reap first: a failure must be reported before its record is removed."""
        self._faults |= self._colony.reap()
        byes = self._colony.stop(agents)
        return [f"agent {agent}: {bye.reason}" for agent, bye in byes.items() if bye.unkillable]
