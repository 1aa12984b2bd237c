"""Owns the commands of an operator: the log of an agent, kill, revive, pause, resume."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.options import project_option, say
from evolve_ai.model.errors import EXIT_FAILED, EvolveError
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text

LOOK_SECONDS = 0.2


@click.command()
@click.argument("agent_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until it dies.")
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=50, help="How many to begin with (50)."
)
@project_option
def logs(agent_id: str, follow: bool, lines: int, project: Path, overrides: Any) -> None:
    """Show the end of what the agent ID has written.

    What a terminal would obey is shown as \\x1b and the like: an agent may write what it likes.
    """
    with suppress(KeyboardInterrupt), runs.log_of(project, agent_id) as (record, tail):
        try:
            show(tail.last(lines))
        except FileNotFoundError as error:
            if not follow:
                raise EvolveError(
                    f"agent {record.id} has no log yet: it is {record.state}",
                    todo="wait for one: evolve logs --follow",
                ) from error
        if follow:
            while not tail.gone():
                show(tail.more())
                time.sleep(LOOK_SECONDS)
            show(tail.more())  # its last words
            say(f"its folder is gone; see: evolve show {record.id[:13]}", err=True)


def show(written: bytes) -> None:
    """Whatever bytes they are; a character that is torn between two looks is lost."""
    say(written.decode(errors="replace"), end="")


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@project_option
def kill(ids: tuple[str, ...], **at: Any) -> None:
    """End the lives of agents, for good; their genomes and stories stay known."""
    ask("kill", ids, **at)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everyone", is_flag=True, help="All that are quarantined.")
@project_option
def revive(ids: tuple[str, ...], everyone: bool, **at: Any) -> None:
    """Let quarantined agents try again: their folders are looked at, built and started afresh."""
    if everyone == bool(ids):
        raise click.UsageError("give IDs, or --all")
    ask("revive", ids, everyone, **at)


@click.command()
@project_option
def pause(**at: Any) -> None:
    """Let time stand still: no ticks, births or deaths until `evolve resume`; agents live on."""
    ask("pause", **at)


@click.command()
@project_option
def resume(**at: Any) -> None:
    """Let time go on after `evolve pause`."""
    ask("resume", **at)


COMMANDS = (logs, kill, revive, pause, resume)


def ask(
    name: str,
    ids: Sequence[str] = (),
    everyone: bool = False,
    *,
    project: Path,
    overrides: tuple[str, ...],
) -> None:
    """Do it, or leave it to the life-cycle, and say which; EvolveError for what is refused."""
    asked = runs.operate(project, overrides, assemble, name, ids, everyone)
    if asked.holder is not None:
        whom = "all that are quarantined" if everyone else text.agents(len(asked.ids))
        deed = f"{name} {whom}" if everyone or ids else name
        say(f"The life-cycle (pid {asked.holder}) will {deed} when no cycle is under way,")
        say("so at once while it sleeps; or, if it ends before, the next life-cycle will.")
        return
    for done, outcome in asked.told:
        say(f"{done}: {outcome}")
    if asked.told[-1][1].startswith(("refused", "failed")):
        sys.exit(EXIT_FAILED)
