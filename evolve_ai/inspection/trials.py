"""Tries each thing that a start or a build needs by itself, with the code that a run uses."""

import os
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.colony import pipes
from evolve_ai.colony.keeper import Ended, Keeper, Launch, ProcessRefused, ProcessStarted
from evolve_ai.colony.keeper_program import is_there, keeper_program, needs_compiler
from evolve_ai.colony.keeper_recipe import USAGE
from evolve_ai.colony.programs import Programs
from evolve_ai.colony.refusals import judged, judged_step, refuses_memory
from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.colony import Refused
from evolve_ai.model.errors import MachineError, SandboxError
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import EVERYTHING, STATE, AgentBox, Box, Confinement, Level
from evolve_ai.session.sandboxing import at_level
from evolve_ai.session.trial_runner import readable_paths, trial_places
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.exits import Exit
from evolve_ai.system.patience import STEP, Patience
from evolve_ai.system.processes import ENVIRONMENT, raise_descriptor_limit
from evolve_ai.system.project import Project
from evolve_ai.system.refusals import NOT_EXECUTED
from evolve_ai.system.tools import tool_path
from evolve_ai.system.trees import discard
from evolve_ai.system.trial_probe import probe_trials

_ORPHAN_SECONDS = 2
_SECONDS = 10.0
_LIMITS = Limits(total=_SECONDS, silence=_SECONDS)

BuildTrial = Callable[[Path, Confine], str]


@dataclass(slots=True)
class Trials:
    """Each method says how it went, or raises EvolveError or OSError; `folder` is for trials only.

    Later trials use results of earlier ones: `program` is the keeper's.
    """

    project: Project
    libraries: Sequence[str]
    folder: Path
    program: Path = Path()
    sandbox: Sandbox = field(default_factory=lambda: Sandbox(Level.NONE))

    @property
    def has_keeper(self) -> bool:
        """True if the program is available without a compiler."""
        return not needs_compiler(self.project.workspace)

    def keeper_program(self) -> str:
        """Says if it is there. Only a run puts it into the workspace and removes others there."""
        workspace, ready = self.project.workspace, self.has_keeper
        if is_there(workspace):
            self.program = keeper_program(workspace)
            return "is there"
        self.program = keeper_program(self.folder)
        return "is ready to be copied" if ready else "can be compiled"

    def execution(self) -> str:
        """Executes a file in the workspace."""
        argv = [str(self.program)]
        try:
            done = run_command(argv, cwd=self.folder, env=ENVIRONMENT, limits=_LIMITS)
        except PermissionError as error:
            raise MachineError(
                f"files there may not be executed: {error.strerror}",
                where=self.program.parent,
                todo=NOT_EXECUTED,
            ) from error
        if done.code != USAGE:
            told = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise MachineError(
                f"a program ended with {done.code} instead of {USAGE}: {told}",
                where=self.program,
                todo="remove its folder (it is made again); check that the C library is there",
            )
        return "programs in the workspace can be executed"

    def keeper(self) -> str:
        """Starts a keeper, which needs a socket, a lock and a journal, and awaits its greeting."""
        home = self.folder / "greets"
        with Keeper.open(home, self.program, _ORPHAN_SECONDS) as keeper:
            pid = keeper.identity.pid
            keeper.leave(_SECONDS)
        return f"starts, and answers through its socket (process {pid})"

    def start(self) -> str:
        """Starts a program like an agent, from memory and with named pipes, but without a box."""
        return f"a program starts as agents do, from {self._start_in(None)}"

    def boxed_start(self) -> str:
        """The same start in the box of an agent."""
        home = self._home()
        libraries = tuple(map(Path, self.libraries))
        return f"it does so in a box, from {self._start_in(AgentBox(libraries=libraries).of(home))}"

    def _home(self) -> Path:
        home = self.folder / "agent"
        (home / STATE).mkdir(parents=True, exist_ok=True)
        return home

    def _start_in(self, box: Box | None) -> str:
        """Start a program; returns where it lay (in memory or in a file)."""
        raise_descriptor_limit()
        (self.folder / "pipes").mkdir(exist_ok=True)
        programs = Programs(self.folder)
        with Keeper.open(self.folder / "starts", self.program, _ORPHAN_SECONDS) as keeper:
            pair = pipes.make(self.folder / "pipes", "trial")
            try:
                return self._started(keeper, programs, pair, box)
            finally:
                pair.remove()
                keeper.leave(_SECONDS)
                programs.close()

    def _started(
        self, keeper: Keeper, programs: Programs, pair: pipes.Pipes, box: Box | None
    ) -> str:
        while True:
            try:
                launch = self._launch(programs, pair, box)
            except OSError as error:
                raise _refusal(judged(error, self.folder / "agent")) from error
            outcome = _outcome(keeper, launch)
            if isinstance(outcome, Exit):
                break
            if not (refuses_memory(outcome.errno, outcome.text) and programs.leave_memory()):
                raise _refusal(judged_step(outcome.errno, outcome.text))
        if outcome.code != USAGE:
            raise SandboxError(f"a program that was started as an agent {outcome}")
        return "memory" if programs.in_memory else "a file without a name: memory is refused here"

    def _launch(self, programs: Programs, pair: pipes.Pipes, box: Box | None) -> Launch:
        home = self._home()
        return Launch(
            id="trial",
            note="-",
            program=programs.hold(Program(self.program)),
            arguments=(),
            argv0="agent-trial",
            folder=home,
            in_path=pair.inward_path,
            out_path=pair.outward_path,
            log=home / "agent.log",
            box=box,
        )

    def box(self) -> Sandbox:
        """The sandbox that a run would have. SandboxError where there is none."""
        place = self.folder / "box"
        discard(place)
        place.mkdir()
        asked = Level(self.project.settings.sandbox.level)
        self.sandbox = at_level(asked, self.program, place, self.libraries)
        return self.sandbox

    def evaluation_box(self) -> str:
        """What the box of evaluations guarantees (code evolution). Whatever does not hold there is
        only told: living populations have boxes of other kinds."""
        seen = readable_paths(tool_path(os.environ))
        place = self.folder / "evaluation"
        found = tuple(probe_trials(trial_places(self.program, place, seen)))
        lost = [f"{one.name} ({one.how})" for one in found if not one.held]
        if lost:
            return f"degraded: {'; '.join(lost)}"
        ending = next(one.how for one in found if one.name == "ending")
        return f"holds: {', '.join(one.name for one in found)}; {ending}"

    def confinement(self) -> Confinement:
        """How a run would confine its builds."""
        readable = tuple(map(Path, self.project.settings.sandbox.readable))
        lifted = EVERYTHING if self.sandbox.is_unsafe else frozenset()
        return Confinement(self.program, readable, self.sandbox.bwrap, lifted)


def _outcome(keeper: Keeper, launch: Launch) -> Exit | ProcessRefused:
    """The result of a start: how the process ended, or why it did not begin."""
    keeper.spawn(launch)
    patience = Patience(_SECONDS)
    while patience.left > 0:
        keeper.flush()
        select.select([keeper.handle], [], [], STEP)
        for told in keeper.hear():
            if isinstance(told, ProcessRefused):
                return told
            if isinstance(told, Ended):
                return told.exit
            assert isinstance(told, ProcessStarted)
    raise MachineError(f"no agent started within {_SECONDS:.0f} s")


def _refusal(found: object) -> MachineError:
    if isinstance(found, Refused):
        return MachineError(f"no agent can be started: {found.what}", todo=found.todo)
    return MachineError(f"no agent can be started: {found}")
