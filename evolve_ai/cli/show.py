"""The command `evolve show`."""

from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, show_json
from evolve_ai.cli.search_status import show_candidate
from evolve_ai.cli.working import open_project
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.system.project import is_search
from evolve_ai.ui.story import story
from evolve_ai.ui.terminal import Terminal


@click.command()
@click.argument("agent_id", metavar="ID")
@json_option
@project_option
def show(agent_id: str, as_json: bool, **at: Any) -> None:
    """Show the agent ID (or the candidate, by id or number) and what happened to it. A unique
    beginning of the id is enough."""
    if is_search(at["project"]):
        show_candidate(at["project"], agent_id, as_json)
        return
    told = runs.story(open_project(**at), assemble, agent_id)
    show_json(told.model_dump(mode="json")) if as_json else Terminal().print(story(told))
