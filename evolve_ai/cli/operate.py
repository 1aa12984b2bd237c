"""The commands of an operator: kill, revive, pause, resume."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.model.errors import EXIT_FAILED, UsageError
from evolve_ai.operator import search_commands
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.session.holding import life_cycle
from evolve_ai.system.lock import Holder
from evolve_ai.system.project import Folders, is_search
from evolve_ai.ui.words import agents


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@project_option
def kill(ids: tuple[str, ...], **at: Any) -> None:
    """End agents for ever; their genomes and histories are kept."""
    ask("kill", ids, **at)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everyone", is_flag=True, help="All quarantined agents.")
@click.option("--lost", is_flag=True, help="All agents whose folder is gone: it is made again.")
@project_option
def revive(ids: tuple[str, ...], everyone: bool, lost: bool, **at: Any) -> None:
    """Let quarantined agents try again: scan, build and start them."""
    if [bool(ids), everyone, lost].count(True) != 1:
        raise click.UsageError("give IDs, or --all, or --lost")
    ask("revive", ids, everyone, lost, **at)


@click.command()
@json_option
@project_option
def pause(**at: Any) -> None:
    """Pause until `evolve resume`: no ticks, births or deaths of agents, which stay alive; no new
    trials of a search."""
    ask("pause", **at)


@click.command()
@json_option
@project_option
def resume(**at: Any) -> None:
    """Let a population or a search continue after `evolve pause`."""
    ask("resume", **at)


def ask(
    name: str,
    ids: Sequence[str] = (),
    everyone: bool = False,
    lost: bool = False,
    *,
    project: Path,
    overrides: tuple[str, ...],
    as_json: bool = False,
) -> None:
    """Carry it out or leave it to the life-cycle, and say which; EvolveError if it is refused."""
    if is_search(project):
        ask_search(name, project, as_json)
        return
    asked = runs.operate(project, overrides, assemble, name, ids, everyone, lost)
    if as_json:
        _show(name, asked.holder, asked.told)
    elif asked.holder is not None:
        whom = "all quarantined agents" if everyone else agents(len(asked.ids))
        whom = "all agents whose folder is gone" if lost else whom
        deed = f"{name} {whom}" if everyone or ids or lost else name
        say(f"The life-cycle ({asked.holder.brief}) will {deed} between two cycles,")
        say("or at once while it sleeps. If it ends before, the next life-cycle will.")
    else:
        for done, outcome in asked.told:
            say(f"{done}: {outcome}")
    if asked.told and asked.told[-1][1].startswith(("refused", "failed")):
        sys.exit(EXIT_FAILED)


def _show(name: str, holder: Holder | None, told: Sequence[tuple[str, str]] = ()) -> None:
    """`left_to`: the pid of who will carry it out; null for who comes next, or if it is done."""
    outcomes = [{"what": what, "outcome": outcome} for what, outcome in told]
    show_json({"command": name, "left_to": holder.pid if holder else None, "outcomes": outcomes})


def ask_search(name: str, project: Path, as_json: bool = False) -> None:
    """Leave it to the search that runs here, or to the next one."""
    if name not in (search_commands.PAUSE, search_commands.RESUME):
        raise UsageError(f"this is the project of a search: there is nobody to {name}")
    search_commands.post(project.absolute(), name)
    held = life_cycle(Folders(project.absolute()))
    if as_json:
        _show(name, held)
        return
    say(f"{'The search' if held else 'The next `evolve improve`'} will {name} at once.")
