"""The command `evolve life-cycle`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from evolve_ai.cli.options import (
    Duration,
    json_option,
    project_option,
    say,
    show_json,
    unsafe_option,
    workers_option,
)
from evolve_ai.cli.working import expect_keeper, open_project, tell_once_what_is_lost, terms
from evolve_ai.inspection import looking
from evolve_ai.pipelines.cycle_report import CycleReport
from evolve_ai.pipelines.life_manager import LifeManager
from evolve_ai.pipelines.runs import life
from evolve_ai.plugins import assemble
from evolve_ai.system.outline_file import outline_of
from evolve_ai.ui import streams, text
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.progress import build_bar
from evolve_ai.ui.signals import ending_gracefully
from evolve_ai.ui.terminal import Terminal
from evolve_ai.ui.words import PAUSED


@click.command("life-cycle")
@click.option("--cycles", type=click.IntRange(1), help="End after this many cycles.")
@click.option(
    "--for", "seconds", type=Duration(), help="End after this time: 90, 30s, 10m, 2h, 1d."
)
@click.option("--selection", help="Override the selection policy.")
@click.option(
    "--detach-on-exit",
    is_flag=True,
    help="Leave the agents alive at the end, for the next life-cycle to take over.",
)
@click.option(
    "--abandon-season",
    is_flag=True,
    help="Give up an interrupted season that cannot be finished; taints the history.",
)
@workers_option
@unsafe_option
@json_option
@project_option
def life_cycle(
    cycles: int | None,
    seconds: float | None,
    selection: str | None,
    detach_on_exit: bool,
    abandon_season: bool,
    unsafe: bool,
    as_json: bool,
    **at: Any,
) -> None:
    """Let the population live. Ctrl-C ends after the current cycle; twice ends now."""
    if selection:
        at["overrides"] = (*at["overrides"], f"selection={json.dumps(selection)}")
    project = open_project(**at, remember=True)
    expect_keeper(project, quiet=as_json)
    console = Terminal()
    streams.go_on_unread()

    def hear(name: str, outcome: str) -> None:
        say(f"  {name}: {one_line(outcome)}", err=True)

    with (
        ending_gracefully(lambda words: say(words, err=True)) as ending,
        build_bar(console) as advance,
        life(project, assemble, advance, hear, terms(unsafe), abandon_season) as manager,
    ):
        ending.calls(manager.stop)
        manager.detaches = detach_on_exit
        if manager.operator.paused:
            hear("paused", PAUSED)

        endless = cycles is None and seconds is None
        watch = watching(manager, None if as_json else console, endless)
        manager.manage_agents_lifecycle(cycles, seconds, watch)
        if detach_on_exit:
            hear("detached", text.detached(project.settings.supervise.orphan_seconds))
    streams.forgive()
    if as_json:
        show_json(asdict(looking.status(project, outline_of(project))))


def watching(
    manager: LifeManager, console: Terminal | None, endless: bool
) -> Callable[[CycleReport], None]:
    """A function that prints each cycle. A life without limits also ends when its reader does."""
    look = tell_once_what_is_lost()
    told_of_silence = manager.components.project.settings.environment.name != "solitary"

    def watch(report: CycleReport) -> None:
        nonlocal told_of_silence
        for note in (*report.notes, *(f"tainted: {reason}" for reason in report.taints)):
            say(f"  {one_line(note)}", err=True)
        if not told_of_silence and report.summary.running and report.summary.fitness_best is None:
            say(f"  {text.NOBODY_REPORTS}", err=True)
            told_of_silence = True
        if console is not None:
            line = text.cycle_line(report.cycle, report.summary, report.seconds)
            console.print(line, soft_wrap=True)
        look()
        if endless and streams.unread():
            manager.stop()

    return watch
