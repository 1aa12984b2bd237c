"""The command `evolve candidates`."""

from dataclasses import asdict
from pathlib import Path

import click

from evolve_ai.cli.improve import FOLDER
from evolve_ai.cli.options import json_option, show_json
from evolve_ai.inspection import search_views
from evolve_ai.session.search_project import task_of
from evolve_ai.state.search_reader import SearchReader
from evolve_ai.system.project import Folders
from evolve_ai.ui.search_text import candidates_table
from evolve_ai.ui.terminal import Terminal

SHOWN = 20


@click.command()
@click.option("--project", type=FOLDER, default=Path(), metavar="DIR", help="The search's folder.")
@click.option("--best", type=click.IntRange(1), metavar="N", help="The N best ones only.")
@click.option("--all", "everyone", is_flag=True, help=f"All, not only the last {SHOWN}.")
@json_option
def candidates(project: Path, best: int | None, everyone: bool, as_json: bool) -> None:
    """List the candidates of a search, with their scores, parents and operators."""
    root = project.absolute()
    task_of(root)
    with SearchReader.read(Folders(root).registry) as registry:
        after = -1 if everyone or as_json or best else registry.last_number() - SHOWN
        rows = list(search_views.candidates(registry, best, after))
    if as_json:
        show_json([asdict(row) for row in rows])
    else:
        Terminal().print(candidates_table(rows))
