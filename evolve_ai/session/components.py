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
    """Everything that settings choose by name, made and ready."""

    project: Project
    substrate: Substrate
    world: World
    world_of: Callable[[Project], World]  # for another process: a function of a module
    policy: SelectionPolicy
    variation: Variation
    executor: Executor
    sink: Sink
    draws: Draws
    open_builder: Callable[[Path, GenePool, Confine], Trier]
    open_sinks: Callable[[Log], Sequence[Sink]]  # of the user's own
    group: Group | None = None  # bounds all agents, where the kernel may
    sandbox: Sandbox = UNTRIED  # as settled when the run began

    @property
    def clock(self) -> Callable[[], float] | None:
        """Seconds that restarts are timed by; None in lockstep, where cycles are counted."""
        # Linux counts it from the boot, for all processes: the next run reads the same clock.
        return time.monotonic if self.project.settings.mode == "free" else None

    def builder(self, pool: GenePool) -> Trier:
        """The builder of the project, whose compilers are boxed as the sandbox has it."""
        return self.open_builder(self.project.workspace, pool, self._confine)

    def read_only_builder(self, pool: GenePool) -> ReadOnlyBuilder:
        """One who looks at what that builder keeps."""
        return self.substrate.read_only_builder(self.project.workspace, pool)

    def _confine(self) -> Confinement:
        readable = tuple(map(Path, self.project.settings.sandbox.readable))
        lifted: frozenset[Protection] = EVERYTHING if self.sandbox.is_unsafe else frozenset()
        keeper = keeper_program(self.project.workspace)
        return Confinement(keeper, readable, self.sandbox.bwrap, lifted)

    def context(self, pool: GenePool, cycle: int) -> Context:
        project, clock = self.project, self.clock
        return Context(project, self.substrate, self.executor, self.draws, pool, cycle, clock)


# What the settings name, assembled for one who tells this sink.
Assemble = Callable[[Project, Sink], Components]


def check_needs(components: Components) -> None:
    """SettingsError when the settings leave the programs of this language too little room."""
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
    """For one who only looks: nobody is told of anything."""
    return Notifier((), open_log(project.logs))
