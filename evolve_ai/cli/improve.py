"""The command `evolve improve`."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from evolve_ai.cli.options import Duration, json_option, say, show_json, unsafe_option
from evolve_ai.cli.working import tell_once_what_is_lost
from evolve_ai.inspection import search_views
from evolve_ai.model.errors import EXIT_FAILED, EvolveError, NoScoreError, ToolchainError
from evolve_ai.model.search_report import SearchReport
from evolve_ai.pipelines import search_runs
from evolve_ai.pipelines.improve import Improver
from evolve_ai.pipelines.search_runs import Asked
from evolve_ai.search.commit import Step
from evolve_ai.searches import assemble_search
from evolve_ai.session.search_project import project_of
from evolve_ai.state.search_reader import SearchReader
from evolve_ai.system.project import Folders
from evolve_ai.system.task_names import OUTPUT
from evolve_ai.ui import search_text, streams
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.progress import bar
from evolve_ai.ui.signals import ending_gracefully
from evolve_ai.ui.terminal import Terminal

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--project", type=FOLDER, metavar="DIR", help=f"Keep the search here, not in FOLDER/{OUTPUT}."
)
@click.option("--seed", type=click.IntRange(0), help="Decides every draw (search.seed).")
@click.option("--candidates", type=click.IntRange(1), help="End at so many candidates in all.")
@click.option("--for", "seconds", type=Duration(), help="End after this time: 90, 30s, 10m, 2h.")
@click.option("--slots", type=click.IntRange(1, 1024), help="Trials at the same time.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of task.toml, e.g. --set search.window=16. May be repeated.",
)
@unsafe_option
@json_option
def improve(seed: int | None, as_json: bool, overrides: tuple[str, ...], **said: Any) -> None:
    """Evolve the program of the task in FOLDER. The same command again goes on.

    Ctrl-C ends the search; nothing that was recorded is lost."""
    if seed is not None:
        overrides = (*overrides, f"search.seed={seed}")
    asked = Asked(overrides=overrides, **{name: one for name, one in said.items() if one})
    try:
        found = search(asked, as_json)
    except (NoScoreError, ToolchainError):
        if as_json:
            _show_end(asked)
        raise
    if as_json:
        show_json(asdict(found))
    else:
        for line in search_text.end_lines(found, asked.project or asked.folder / OUTPUT):
            say(line)
    if found.all_failed:
        say(f"evolve: every candidate failed: {search_text.failures(found)}", err=True)
        sys.exit(EXIT_FAILED)


def _show_end(asked: Asked) -> None:
    """What is on record of a search whose initial program has no score, if there is any."""
    root = project_of(asked.folder, asked.project)
    with suppress(EvolveError), SearchReader.read(Folders(root).registry) as registry:
        show_json({**asdict(search_views.report(root, registry)), "running": None})


def tell(words: str) -> None:
    say(f"  {one_line(words)}", err=True)


def search(asked: Asked, quiet: bool) -> SearchReport:
    """Run it on this terminal."""
    console = Terminal()
    streams.go_on_unread()
    with (
        ending_gracefully(lambda words: say("ending the search", err=True)) as ending,
        bar("searching", console) as advance,
        search_runs.improving(asked, assemble_search, tell) as improver,
    ):
        ending.calls(improver.stop)
        watch = watching(improver, None if quiet else console)
        look = tell_once_what_is_lost()

        def idle(running: Improver) -> None:
            for words in running.notes:
                tell(words)
            running.notes.clear()
            advance(*search_text.progress(running, asked.candidates))
            look()

        found = search_runs.improve(improver, asked, watch, idle)
    streams.forgive()
    return found


def watching(improver: Improver, console: Console | None) -> Callable[[Step], None]:
    """A function that prints each improvement."""
    sign = improver.opened.found.task.score.signs[0]
    news = search_text.News()

    def watch(step: Step) -> None:
        line = search_text.step_line(step, sign)
        if line and console is not None:
            console.print(line, soft_wrap=True)
        for words in news.of(step):
            tell(words)

    return watch
