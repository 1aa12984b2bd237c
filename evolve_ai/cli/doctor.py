"""The command `evolve doctor`."""

import sys
from dataclasses import asdict
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.inspection.health import check_health
from evolve_ai.plugins import assemble
from evolve_ai.ui.words import sandbox_colour


@click.command()
@json_option
@project_option
def doctor(as_json: bool, **at: Any) -> None:
    """Check what evolve needs, and say what to do about what is missing."""
    checks = check_health(at["project"].absolute(), at["overrides"], assemble)
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        for check in checks:
            colour = sandbox_colour(check.detail) if check.name == "sandbox" else None
            mark = "ok " if check.ok else "NO " if check.tried else "-- "
            say(f"{mark} {check.name}: {check.detail}", fg=colour)
            if not check.ok and check.todo:
                say(f"     {check.todo}")
    if not all(check.ok for check in checks):
        sys.exit(1)
