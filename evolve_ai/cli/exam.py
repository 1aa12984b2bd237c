"""The command `evolve exam`."""

from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, show_json, unsafe_option
from evolve_ai.cli.working import open_project, terms
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text
from evolve_ai.ui.progress import build_bar
from evolve_ai.ui.signals import ending_at_once
from evolve_ai.ui.terminal import Terminal


@click.command()
@unsafe_option
@json_option
@project_option
def exam(unsafe: bool, as_json: bool, **at: Any) -> None:
    """Examine founders and living, afresh, on the held-out stretch."""
    with ending_at_once(), build_bar(Terminal()) as advance:
        result = runs.exam(open_project(**at), assemble, advance, terms(unsafe))
    if as_json:
        show_json(result.model_dump(mode="json"))
    else:
        Terminal().print(text.exam_table(result))
