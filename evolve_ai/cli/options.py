"""The options that commands share, and how commands print."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from evolve_ai.ui.columns import Shown
from evolve_ai.ui.plain import plain

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
    help="Run without a sandbox: agents and builds get all your rights.",
)


class Duration(click.ParamType[float]):
    """A duration like 90, 30s, 10m, 2h, 1d; converted to seconds."""

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
            self.fail(f"{value!r} is not a duration: write 90, 30s, 10m, 2h or 1d", param, ctx)
        return seconds


def say(words: str, *, err: bool = False, end: str = "\n", **style: Any) -> None:
    """Print one or several lines; control characters in foreign text are shown, not obeyed.

    `style` takes the arguments of click.style.
    """
    shown = words if isinstance(words, Shown) else plain(words)
    file = sys.stderr if err else sys.stdout
    click.secho(shown + end, file=file, nl=False, **style)


def show_text(text: str) -> None:
    """Print a text for another program as it is, byte for byte; for a person as `say` does. What
    is not UTF-8 are surrogates."""
    if sys.stdout.isatty():
        say(text.replace("\r\n", "\n"), end="")
    else:
        click.echo(text.encode("utf-8", "surrogateescape"), nl=False)


def show_json(body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Print JSON in ASCII, since JSON may contain control characters from U+0080 unescaped."""
    say(json.dumps(body))
