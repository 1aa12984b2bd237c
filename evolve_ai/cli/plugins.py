"""The command `evolve plugins`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.options import json_option, project_option, say, show_json
from evolve_ai.cli.working import open_project
from evolve_ai.inspection.plugin_list import plugin_list
from evolve_ai.model.errors import NoProjectError
from evolve_ai.model.settings import Settings
from evolve_ai.plugins import LANGUAGES, language_of
from evolve_ai.system.project import Project
from evolve_ai.ui.plugins import plugin_lines
from evolve_ai.ui.streams import LOOKED


@click.command()
@click.argument("family", required=False)
@json_option
@project_option
def plugins(family: str | None, as_json: bool, **at: Any) -> object:
    """List what can be chosen in evolve.toml: the families of plug-ins, their members and options.

    This works outside of a project, too. docs/extending.md shows how to write one.
    """
    project = _project(**at)
    settings = None if project is None else project.settings
    found = plugin_list(settings, partial(_toolchain, project), family)
    if as_json:
        show_json([row.model_dump(mode="json") for row in found])
    else:
        for line in plugin_lines(found):
            say(line)
    return LOOKED


def _toolchain(project: Project | None, name: str) -> str | None:
    if project is None and name not in LANGUAGES:
        return None  # the log for what a plug-in prints lies in a project
    return language_of(project or Project(Path.cwd(), Settings()), name).toolchain()


def _project(**at: Any) -> Project | None:
    try:
        return open_project(**at)
    except NoProjectError:
        return None
