"""What commands that change a project share: opening it, its sandbox, and reports."""

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
    """How a command starts agents or compilers; it warns if the sandbox is incomplete."""
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
    """Open a project. `remember` caches its settings for reports, as commands that write may."""
    if workers is not None:
        overrides = (*overrides, f"executor.workers={workers}")
    found = finding.open_project(project, overrides, remember)
    hints = finding.old_forms(found)
    if hints:
        say(f"  evolve.toml has old forms: {'; '.join(hints)}", err=True)
    return found


def tell_once_what_is_lost() -> Callable[[], None]:
    """A function that reports lost output once, since lost output is no reason to end a run."""
    known: list[OSError] = []

    def look() -> None:
        found = streams.lost()
        if found is not None and not known:
            known.append(found)
            say(f"stdout: {found.strerror}; the life-cycle goes on without output", err=True)

    return look


def expect_keeper(project: Project, quiet: bool = False) -> None:
    """Say why the first command that starts agents takes longer."""
    if not quiet and needs_compiler(project.workspace):
        say("compiling the keeper, once for this user (a few seconds)", err=True)


def present(report: RenderableType) -> None:
    """Print a report; in a pipe its lines are not wrapped."""
    console = Terminal()
    console.print(report, soft_wrap=not console.is_terminal)
