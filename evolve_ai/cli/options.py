"""Owns what the commands share: their options, how they open a project, how they print."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from rich.console import Console, RenderableType

from evolve_ai.model.guarantee import Sandbox
from evolve_ai.pipelines import runs
from evolve_ai.pipelines.sandboxing import Terms
from evolve_ai.system.project import Project
from evolve_ai.ui.text import sandbox_colour

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def project_option(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a setting of evolve.toml, e.g. --set cycle.ticks=20. May be repeated.",
    )(command)
    return click.option(
        "--project",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        metavar="DIR",
        help="The project's folder (default: this one).",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
workers_option = click.option(
    "--workers", type=click.IntRange(1, 1024), help="Worker processes (default: one per core)."
)
unsafe_option = click.option(
    "--unsafe",
    is_flag=True,
    help="Without any sandbox: agents and builds get all your rights.",
)


def terms(unsafe: bool) -> Terms:
    """How a command starts agents or compilers; less than a whole sandbox is said aloud."""
    return Terms(unsafe, tell=tell_of)


def tell_of(sandbox: Sandbox) -> None:
    if sandbox.is_unsafe or sandbox.lost:
        line = str(sandbox)
        click.secho(f"sandbox {line}", fg=sandbox_colour(line), bold=sandbox.is_unsafe, err=True)


class Duration(click.ParamType[float]):
    """A time like 90, 30s, 10m, 2h, 1d; seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        unit = UNITS.get(value[-1:], 0)
        try:
            seconds = float(value[:-1]) * unit if unit else float(value)
        except ValueError:
            seconds = -1
        if not 0 < seconds < 1e10:
            self.fail(f"{value!r} is no duration: say 90, 30s, 10m, 2h or 1d", param, ctx)
        return seconds


def open_project(project: Path, overrides: tuple[str, ...], workers: int | None = None) -> Project:
    if workers is not None:
        overrides = (*overrides, f"cycle.workers={workers}")
    return runs.open_project(project, overrides)


def told(line: str, console: Console) -> bool:
    """Print a line beside a progress bar; False when nobody reads our output any more."""
    try:
        console.print(line, highlight=False, soft_wrap=True)
    except (BrokenPipeError, SystemExit):  # rich exits on a broken pipe
        return False
    return True


def present(report: RenderableType) -> None:
    """Print a report; into a pipe, with lines as long as they come."""
    console = Console()
    console.print(report, highlight=False, soft_wrap=not console.is_terminal)


def show_json(model: BaseModel) -> None:
    click.echo(model.model_dump_json())
