"""The command `evolve audit`."""

import sys
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, show_json
from evolve_ai.cli.working import open_project, present
from evolve_ai.model.errors import EXIT_FAILED
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui.audits import audit_result


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--all", "everyone", is_flag=True, help="All living agents (the default without IDs)."
)
@json_option
@project_option
def audit(ids: tuple[str, ...], everyone: bool, as_json: bool, **at: Any) -> None:
    """Check the gene code of agents, as it is now, against the policy of the settings.

    Changes nothing, and may run beside a life-cycle. Exit code 1: something is refused.
    """
    if everyone and ids:
        raise click.UsageError("give --all or IDs, not both")
    result = runs.audit(open_project(**at), assemble, ids)
    show_json(result.model_dump(mode="json")) if as_json else present(audit_result(result))
    if result.totals.errors or result.totals.refused:
        sys.exit(EXIT_FAILED)
