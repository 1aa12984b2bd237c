"""The command `evolve stop`."""

from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.loading import load
from evolve_ai.cli.options import Duration, project_option, say
from evolve_ai.operator.handing_over import anybody_lives
from evolve_ai.operator.handing_over import stop as end_life_cycle
from evolve_ai.system.project import is_search
from evolve_ai.ui.plain import one_line


@click.command()
@click.option("--wait", type=Duration(), default="10m", help="How long to wait (default 10m).")
@project_option
def stop(wait: float, **at: Any) -> None:
    """End the life-cycle that holds the project, and agents that live on without one."""
    pid = end_life_cycle(at["project"], wait)
    if pid is not None:
        say(f"stopped (was pid {pid})")
    elif not anybody_lives(at["project"]):
        say(f"no {'search' if is_search(at['project']) else 'life-cycle'} runs here")
    else:
        send_home(**at)


def send_home(project: Path, overrides: tuple[str, ...]) -> None:
    """Stop the agents. The code of a life-cycle is loaded only here, where agents live on."""
    sent = load("pipelines.runs:send_home")(project, overrides, load("plugins:assemble"))
    for trouble in sent.told:
        say(f"  {one_line(trouble)}", err=True)
    say(f"no life-cycle ran here; stopped {sent.agents} agents that lived on without one")
