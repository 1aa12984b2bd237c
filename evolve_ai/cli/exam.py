"""The command `evolve exam`."""

from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json, unsafe_option
from evolve_ai.cli.working import expect_keeper, open_project, terms
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.progress import build_bar
from evolve_ai.ui.signals import ending_at_once
from evolve_ai.ui.terminal import Terminal


@click.command()
@click.option(
    "--even-if-told",
    is_flag=True,
    help="Examine even on values that agents have seen in this history.",
)
@unsafe_option
@json_option
@project_option
def exam(even_if_told: bool, unsafe: bool, as_json: bool, **at: Any) -> None:
    """Examine founders and living agents, started afresh, on the held-out values."""
    project = open_project(**at)
    expect_keeper(project, quiet=as_json)
    with ending_at_once(), build_bar(Terminal()) as advance:
        result = runs.exam(project, assemble, advance, terms(unsafe), even_if_told)
    if result.warning:
        say(f"  {one_line(result.warning)}", err=True)
    if as_json:
        show_json(result.model_dump(mode="json"))
    else:
        Terminal().print(text.exam_table(result))
