"""The command `evolve propose`."""

from pathlib import Path

import click

from evolve_ai.cli.improve import FOLDER
from evolve_ai.cli.options import say
from evolve_ai.operator import search_commands
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.search_project import read_task, task_of
from evolve_ai.system.project import Folders


@click.command()
@click.argument("given", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--as", "path", default="", metavar="PATH", help="Which file of the task it is.")
@click.option("--project", type=FOLDER, default=Path(), metavar="DIR", help="The search's folder.")
def propose(given: Path, path: str, project: Path) -> None:
    """Propose a program by hand: FILE, or a folder with several files that may change.

    It becomes one of the next candidates of the search."""
    root = project.absolute()
    found = read_task(task_of(root), (), [root])
    search_commands.post(
        root, search_commands.PROPOSE, search_commands.proposal(found, given, path)
    )
    held = life_cycle(Folders(root))
    who = f"The search ({held.brief})" if held else "The next `evolve improve`"
    say(f"{who} will evaluate it as one of the next candidates.")
