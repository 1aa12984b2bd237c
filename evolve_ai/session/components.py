"""The components that a pipeline runs on; plugins.py assembles them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.contracts.environment import World
from evolve_ai.contracts.executor import Executor
from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.contracts.sink import Sink
from evolve_ai.contracts.substrate import Confine, ReadOnlyBuilder, Substrate, Trier
from evolve_ai.contracts.variation import Variation
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.guarantee import UNTRIED, Sandbox
from evolve_ai.model.report import GenePool
from evolve_ai.model.sandbox import EVERYTHING, Confinement, Protection
from evolve_ai.notifications.notifier import Notifier
from evolve_ai.notifications.orchestrator_log import Log, open_log
from evolve_ai.stages.context import Context
from evolve_ai.system.cgroup import Group
from evolve_ai.system.project import Project


@dataclass(frozen=True, slots=True)
class Components:
    """What the settings choose by name, as objects ready for use."""

    project: Project
    substrate: Substrate
    world: World
    world_of: Callable[[Project], World]  # a module's function, so that it can be pickled
    policy: SelectionPolicy
    variation: Variation
    executor: Executor
    sink: Sink
    draws: Draws
    open_builder: Callable[[Path, GenePool, Confine], Trier]
    open_sinks: Callable[[Log], Sequence[Sink]]  # the user's own sinks
    group: Group | None = None  # the control group of all agents, if one could be made
    sandbox: Sandbox = UNTRIED  # as chosen when the run began

    @property
    def clock(self) -> Callable[[], float] | None:
        """The clock of restart delays, in seconds; None in lockstep, which counts cycles."""
        # On Linux it counts from boot in all processes, so the next run continues the same times.
        return time.monotonic if self.project.settings.mode == "free" else None

    def builder(self, pool: GenePool) -> Trier:
        """The project's builder; it confines compilers as the sandbox says."""
        return self.open_builder(self.project.workspace, pool, self._confine)

    def read_only_builder(self, pool: GenePool) -> ReadOnlyBuilder:
        """A builder that only looks up what the project's builder has stored."""
        return self.substrate.read_only_builder(self.project.workspace, pool)

    def _confine(self) -> Confinement:
        readable = tuple(map(Path, self.project.settings.sandbox.readable))
        lifted: frozenset[Protection] = EVERYTHING if self.sandbox.is_unsafe else frozenset()
        keeper = keeper_program(self.project.workspace)
        return Confinement(keeper, readable, self.sandbox.bwrap, lifted)

    def context(self, pool: GenePool, cycle: int) -> Context:
        project, clock = self.project, self.clock
        return Context(project, self.substrate, self.executor, self.draws, pool, cycle, clock)


# Makes the components that the settings name, which report to this sink.
Assemble = Callable[[Project, Sink], Components]


def check_needs(components: Components) -> None:
    """SettingsError when the settings give the programs of this language too little room."""
    needs, given, name = (
        components.substrate.needs,
        components.project.settings.supervise,
        components.substrate.name,
    )
    for key, least, allowed in (
        ("memory_bytes", needs.memory_bytes, given.memory_bytes),
        ("descriptors", needs.descriptors, given.descriptors),
    ):
        if allowed < least:
            raise SettingsError(
                f"supervise.{key} is {allowed}, but an agent in {name} needs {least} to live",
                where=components.project.root / "evolve.toml",
                todo=f"set supervise.{key} = {least} or more",
            )


def nobody(project: Project) -> Notifier:
    """A notifier without sinks, for commands that only read."""
    return Notifier((), open_log(project.logs))
