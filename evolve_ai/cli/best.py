"""The command `evolve best`."""

import shlex
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from evolve_ai.cli.improve import FOLDER, tell
from evolve_ai.cli.options import json_option, say, show_json, show_text, unsafe_option
from evolve_ai.model.patch import unified
from evolve_ai.operator.results import apply_to, export
from evolve_ai.pipelines import search_runs
from evolve_ai.searches import assemble_search, evaluator_of
from evolve_ai.session.search_project import task_of
from evolve_ai.ui.best_text import best_lines


@click.command()
@click.option("--project", type=FOLDER, default=Path(), metavar="DIR", help="The search's folder.")
@click.option("--diff", is_flag=True, help="Show only the patch, as `patch -p1` takes it.")
@click.option("--apply", "applies", is_flag=True, help="Write the program into the task.")
@click.option("--export", "place", type=FOLDER, metavar="DIR", help="Write its files there.")
@click.option("--force", is_flag=True, help="Let --export overwrite other files.")
@unsafe_option
@json_option
def best(
    project: Path,
    diff: bool,
    applies: bool,
    place: Path | None,
    force: bool,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Show the best program of a search: minified, measured afresh, with the worth of each edit."""
    root = project.absolute()
    folder = task_of(root)
    asked = search_runs.Asked(folder, root, unsafe=unsafe)
    holdout_of = partial(evaluator_of, holdout=True)
    report, initial = search_runs.best(root, assemble_search, holdout_of, asked, tell)
    sources = report.sources()
    patch = unified(initial, sources)
    if as_json:
        show_json({**asdict(report), "diff": patch})
    elif diff:
        show_text(patch)
    else:
        for line in best_lines(report, patch):
            say(line)
    if place is not None:
        for path in export(place, sources, force=force):
            say(f"  wrote {path}", err=True)
    if applies:
        for path in apply_to(folder, initial, sources):
            say(f"  wrote {path}", err=True)
        if patch:
            new = shlex.join(["evolve", "improve", str(folder), "--project", "DIR"])
            say(f"this search began from another program: {new} begins one from here", err=True)
