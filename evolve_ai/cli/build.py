"""The command `evolve build`."""

import sys
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json, unsafe_option
from evolve_ai.cli.working import expect_keeper, open_project, present, terms
from evolve_ai.inspection.verification import lost_key
from evolve_ai.model.errors import EXIT_FAILED
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui.builds import build_result, explanation
from evolve_ai.ui.progress import build_bar
from evolve_ai.ui.signals import ending_at_once
from evolve_ai.ui.terminal import Terminal


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--all", "everyone", is_flag=True, help="All living agents (the default without IDs)."
)
@click.option("--explain", is_flag=True, help="Show what the program of one agent is made of.")
@unsafe_option
@json_option
@project_option
def build(
    ids: tuple[str, ...], everyone: bool, explain: bool, unsafe: bool, as_json: bool, **at: Any
) -> None:
    """Build the programs of agents as they are now, before any life-cycle needs them.

    All agents, or those whose ids begin with ID. This does not change the history.
    """
    if everyone and ids:
        raise click.UsageError("give --all or IDs, not both")
    if explain:
        explain_build(ids, as_json, **at)
        return
    project = open_project(**at)
    if lost := lost_key(project):
        say(f"  {lost}", err=True)
    expect_keeper(project, quiet=as_json)
    with ending_at_once(), build_bar(Terminal()) as advance:
        result = runs.build(project, assemble, ids, advance, terms(unsafe))
    show_json(result.model_dump(mode="json")) if as_json else present(build_result(result))
    if result.totals.failed:
        sys.exit(EXIT_FAILED)


def explain_build(ids: tuple[str, ...], as_json: bool, **at: Any) -> None:
    if len(ids) != 1:
        raise click.UsageError("--explain needs the ID of one agent")
    project = open_project(**at)
    told = runs.explain(project, assemble, ids[0])
    show_json(told.model_dump(mode="json")) if as_json else present(explanation(told, project.root))
