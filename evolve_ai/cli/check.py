"""The command `evolve check`."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from evolve_ai.cli.improve import FOLDER
from evolve_ai.cli.options import json_option, say, show_json, unsafe_option
from evolve_ai.contracts.runner import Content, Runner
from evolve_ai.model.errors import EXIT_FAILED
from evolve_ai.model.settings import Settings
from evolve_ai.pipelines import search_runs
from evolve_ai.pipelines.check_task import check_task
from evolve_ai.searches import assemble_search, evaluator_of, languages_of
from evolve_ai.session.search_project import read_task
from evolve_ai.system.machine import processors
from evolve_ai.system.project import Project
from evolve_ai.system.task_names import OUTPUT
from evolve_ai.ui.check_text import check_lines


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--slots", type=click.IntRange(1, 1024), help="Trials at the same time.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@unsafe_option
@json_option
def check(
    folder: Path, slots: int | None, overrides: tuple[str, ...], unsafe: bool, as_json: bool
) -> None:
    """Say how the task in FOLDER is understood, and try its evaluator.

    Scores the initial program several times, and a broken one; nothing is kept."""
    found = read_task(folder, overrides, [folder.absolute() / OUTPUT])
    task = found.task
    asked = search_runs.Asked(folder, unsafe=unsafe)
    count = slots or task.search.slots or processors()

    def open_runner(root: Path, content: Content) -> tuple[Runner, Sequence[str]]:
        return search_runs.local_runner(root, found, content, count, asked)

    # What a search would refuse is refused before anything runs.
    with tempfile.TemporaryDirectory(prefix="evolve-check-") as place:
        assemble_search(found, Path(place))
    evaluator = evaluator_of(task, found.files)
    languages = languages_of(task, Project(folder.absolute() / OUTPUT, Settings()), found.folder)
    told = check_task(found, evaluator, languages, count, open_runner)
    if as_json:
        show_json(asdict(told))
    else:
        for line in check_lines(told):
            say(line)
    if told.initial.cause is not None:
        sys.exit(EXIT_FAILED)
