"""The command `evolve stop`."""

from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.loading import load
from evolve_ai.cli.options import Duration, json_option, project_option, say, show_json
from evolve_ai.operator.handing_over import anybody_lives
from evolve_ai.operator.handing_over import stop as end_life_cycle
from evolve_ai.system.project import is_search
from evolve_ai.ui.plain import one_line


@click.command()
@click.option("--wait", type=Duration(), default="10m", help="How long to wait (default 10m).")
@json_option
@project_option
def stop(wait: float, as_json: bool, **at: Any) -> None:
    """End the life-cycle or the search that runs here, and agents that live on without one."""
    pid = end_life_cycle(at["project"], wait)
    lives = pid is None and anybody_lives(at["project"])
    if as_json:
        show_json({"stopped": pid, "agents": send_home(**at, quiet=True) if lives else 0})
    elif pid is not None:
        say(f"stopped (was pid {pid})")
    elif not lives:
        say(f"no {'search' if is_search(at['project']) else 'life-cycle'} runs here")
    else:
        send_home(**at)


def send_home(project: Path, overrides: tuple[str, ...], quiet: bool = False) -> int:
    """Stop the agents. The code of a life-cycle is loaded only here, where agents live on."""
    sent = load("pipelines.runs:send_home")(project, overrides, load("plugins:assemble"))
    for trouble in sent.told:
        say(f"  {one_line(trouble)}", err=True)
    if not quiet:
        say(f"no life-cycle ran here; stopped {sent.agents} agents that lived on without one")
    return int(sent.agents)
