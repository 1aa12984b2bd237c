"""The command `evolve stop`."""

from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.loading import load
from evolve_ai.cli.options import Duration, project_option, say
from evolve_ai.pipelines.handing_over import anybody_lives
from evolve_ai.pipelines.handing_over import stop as end_life_cycle


@click.command()
@click.option("--wait", type=Duration(), default="10m", help="How long to wait (default 10m).")
@project_option
def stop(wait: float, **at: Any) -> None:
    """End the life-cycle that holds the project, and agents that live on without one."""
    pid = end_life_cycle(at["project"], wait)
    left = send_home(**at) if pid is None else 0
    if pid is not None:
        say(f"stopped (was pid {pid})")
    elif left:
        say(f"no life-cycle ran here; stopped {left} agents that lived on without one")
    else:
        say("no life-cycle runs here")


def send_home(project: Path, overrides: tuple[str, ...]) -> int:
    """How many there were. What takes a life-cycle is loaded only where somebody lives on."""
    if not anybody_lives(project):
        return 0
    opened = load("cli.working:open_project")(project, overrides)
    return int(load("pipelines.runs:send_home")(opened, load("plugins:assemble")))
