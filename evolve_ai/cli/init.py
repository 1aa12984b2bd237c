"""The command `evolve init`."""

import time
from typing import Any

import click

from evolve_ai.cli.options import project_option, say, unsafe_option, workers_option
from evolve_ai.cli.working import expect_keeper, open_project, terms
from evolve_ai.operator.handing_over import hand_over
from evolve_ai.pipelines import runs
from evolve_ai.pipelines.initiate_project import check_count
from evolve_ai.plugins import assemble
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.progress import bar, of_build
from evolve_ai.ui.terminal import Terminal
from evolve_ai.ui.words import agents, counted


@click.command()
@click.argument("count", type=int)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="The seed of the history, written into evolve.toml.",
)
@workers_option
@unsafe_option
@project_option
def init(count: int, seed: int | None, unsafe: bool, **at: Any) -> None:
    """Found COUNT agents from the template; a second call founds COUNT more."""
    check_count(count)
    if seed is not None:
        runs.choose_seed(at["project"], seed)
    project = open_project(**at, remember=True)
    holder = hand_over(project, count)
    if holder is not None:
        say(f"The life-cycle ({holder.brief}) will found {agents(count)} after this cycle.")
        say("If that is its last cycle, the next life-cycle will.")
        return
    expect_keeper(project)
    begun = time.monotonic()
    try:
        with bar("founding", Terminal()) as advance:
            founding = runs.found(
                project,
                assemble,
                count,
                lambda n, of: advance(n, of, f"agents {n}/{of}"),
                lambda news: advance(*of_build(news)),
                terms(unsafe),
            )
    except KeyboardInterrupt:
        say(
            f"stopped; agents founded so far stay. To found the rest: evolve init {count}", err=True
        )
        raise
    if founding.untried:
        reason = one_line(founding.untried)
        say(f"  the first life-cycle will try the gene files: {reason}", err=True)
    if founding.resumed:
        say(f"finished an interrupted init: {founding.resumed} were left")
    say(
        f"founded {agents(len(founding.founded))} in {time.monotonic() - begun:.1f} s, "
        f"{counted(founding.places, 'place')}; see {project.logs / 'initialization_log.txt'}"
    )
