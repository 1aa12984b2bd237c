"""The command `evolve prune`."""

from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.cli.working import open_project
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text


@click.command()
@json_option
@project_option
def prune(as_json: bool, **at: Any) -> None:
    """Remove records of dead agents that [history] in evolve.toml does not keep.

    Founders, the fittest of each cycle and ancestors of the living are always kept. A life-cycle
    prunes as it goes. This command does it at once, and makes the registry's file smaller.
    """
    project = open_project(**at)
    found = runs.prune(project, assemble)
    if as_json:
        show_json(found.to_map())
    else:
        for line in text.pruned(found, project.settings.history):
            say(line)
