"""What commands that work on a project share: opening it, its sandbox told, reports of rich."""

from collections.abc import Callable
from pathlib import Path

from rich.console import RenderableType

from evolve_ai.cli.options import say
from evolve_ai.colony.keeper_program import needs_compiler
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.session import finding
from evolve_ai.session.sandboxing import Terms
from evolve_ai.system.project import Project
from evolve_ai.ui import streams
from evolve_ai.ui.terminal import Terminal
from evolve_ai.ui.words import sandbox_colour


def terms(unsafe: bool) -> Terms:
    """How a command starts agents or compilers; less than a whole sandbox is said aloud."""
    return Terms(unsafe, tell=tell_of)


def tell_of(sandbox: Sandbox) -> None:
    if sandbox.is_unsafe or sandbox.lost:
        line = str(sandbox)
        say(f"sandbox {line}", err=True, fg=sandbox_colour(line), bold=sandbox.is_unsafe)


def open_project(
    project: Path,
    overrides: tuple[str, ...],
    workers: int | None = None,
    remember: bool = False,
) -> Project:
    """`remember` its settings for reports; for commands that write in it anyway."""
    if workers is not None:
        overrides = (*overrides, f"executor.workers={workers}")
    found = finding.open_project(project, overrides, remember)
    hints = finding.old_forms(found)
    if hints:
        say(f"  evolve.toml is written as it was once: {'; '.join(hints)}", err=True)
    return found


def tell_once_what_is_lost() -> Callable[[], None]:
    """To be called now and then: what went to stdout and is lost is no reason to end anything."""
    known: list[OSError] = []

    def look() -> None:
        found = streams.lost()
        if found is not None and not known:
            known.append(found)
            say(f"stdout: {found.strerror}; the life-cycle goes on, untold", err=True)

    return look


def expect_keeper(project: Project, quiet: bool = False) -> None:
    """Say what the first command that starts anybody waits for."""
    if not quiet and needs_compiler(project.workspace):
        say("compiling the keeper, once for this user (a few seconds)", err=True)


def present(report: RenderableType) -> None:
    """Print a report; into a pipe, with lines as long as they come."""
    console = Terminal()
    console.print(report, soft_wrap=not console.is_terminal)
