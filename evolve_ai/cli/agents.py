"""The command `evolve agents`."""

from typing import Any

import click

from evolve_ai.cli.looking import look_at
from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.inspection import looking
from evolve_ai.ui.columns import terminal_width
from evolve_ai.ui.population import agents_table
from evolve_ai.ui.streams import LOOKED


@click.command()
@click.option("--all", "everyone", is_flag=True, help="The dead too.")
@json_option
@project_option
def agents(everyone: bool, as_json: bool, **at: Any) -> object:
    """List the agents: the living, fittest first."""
    folders, outline = look_at(**at)
    rows = looking.agent_rows(folders, everyone)
    if as_json:
        show_json([looking.as_json(row) for row in rows])
    else:
        sandbox = looking.sandbox_line(folders, outline)
        say(agents_table(rows, sandbox, terminal_width()))
    return LOOKED
