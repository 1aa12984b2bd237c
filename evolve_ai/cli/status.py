"""The command `evolve status`."""

from dataclasses import asdict
from typing import Any

import click

from evolve_ai.cli.loading import load
from evolve_ai.cli.looking import look_at
from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.inspection import looking
from evolve_ai.system.project import is_search
from evolve_ai.ui.columns import terminal_width
from evolve_ai.ui.population import status_table
from evolve_ai.ui.streams import LOOKED


@click.command()
@json_option
@project_option
def status(as_json: bool, **at: Any) -> object:
    """Show the state of the population, or of the search."""
    if is_search(at["project"]):
        load("cli.search_status:status")(at["project"], as_json)
        return LOOKED
    found = looking.status(*look_at(**at))
    show_json(asdict(found)) if as_json else say(status_table(found, terminal_width()))
    return LOOKED
