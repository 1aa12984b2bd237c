"""The command `evolve logs`."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.options import project_option, say
from evolve_ai.inspection.agent_logs import log_of
from evolve_ai.model.errors import EvolveError
from evolve_ai.ui import streams

LOOK_SECONDS = 0.2


@click.command()
@click.argument("agent_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Follow the log until the agent dies.")
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=50, help="Lines to begin with (default 50)."
)
@project_option
def logs(agent_id: str, follow: bool, lines: int, project: Path, overrides: Any) -> None:
    """Show the end of the log of the agent ID.

    Control characters are shown as \\x1b and the like, so that no terminal obeys them.
    """
    with suppress(KeyboardInterrupt), log_of(project, agent_id) as (record, tail):
        try:
            show(tail.last(lines))
        except FileNotFoundError as error:
            if not follow:
                raise EvolveError(
                    f"agent {record.id} has no log yet: it is {record.state}",
                    todo="wait for one: evolve logs --follow",
                ) from error
        if follow:
            while not tail.gone() and streams.lost() is None:
                show(tail.more())
                time.sleep(LOOK_SECONDS)
            show(tail.more())  # what it wrote last
            say(f"its folder is gone; see: evolve show {record.id[:13]}", err=True)


def show(written: bytes) -> None:
    """Print bytes of any kind; a character that is split between two reads is lost."""
    say(written.decode(errors="replace"), end="")
