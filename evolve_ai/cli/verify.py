"""Owns the command `evolve verify`."""

import sys
from typing import Any

import click

from evolve_ai.cli.options import json_option, open_project, project_option, show_json
from evolve_ai.model.errors import EXIT_FAILED
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui import text


@click.command()
@json_option
@project_option
def verify(as_json: bool, **at: Any) -> None:
    """Check that nothing was altered: key, template, programs, sources, agents, registry.

    Nothing is written; a life-cycle may run meanwhile.
    """
    found = runs.verify(open_project(**at), assemble)
    if as_json:
        show_json(found)
    else:
        for line in text.verification(found):
            click.echo(line)
    if not found.ok:
        sys.exit(EXIT_FAILED)
