"""The command `evolve verify`."""

import sys
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.cli.working import open_project
from evolve_ai.model.errors import EXIT_FAILED
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text


@click.command()
@json_option
@project_option
def verify(as_json: bool, **at: Any) -> None:
    """Check that nothing was altered: key, template, programs, sources, agents, registry.

    Changes nothing, and may run beside a life-cycle. Exit code 1: something was.
    """
    found = runs.verify(open_project(**at), assemble)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        for line in text.verification(found):
            say(line)
    if not found.ok:
        sys.exit(EXIT_FAILED)
