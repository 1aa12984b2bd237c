"""The command line `evolve`; only this folder prints and exits."""

import io
import os
import sys
import traceback
from importlib import import_module

import click

from evolve_ai import __version__
from evolve_ai.cli.loading import CommandGroup
from evolve_ai.cli.options import say
from evolve_ai.cli.table import COMMANDS
from evolve_ai.model.errors import EXIT_FAILED, EvolveError
from evolve_ai.ui import streams
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.signals import StopNow


@click.group(
    cls=CommandGroup, sections=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="evolve")
def evolve() -> None:
    """Breed populations of real programs."""


def main() -> None:
    """Run a command; every failure is a sentence and an exit code, never a traceback."""
    os.umask((os.umask(0o077) | 0o022) & 0o077)  # we can use our files, and others cannot write
    streams.install()
    try:
        answer = evolve(standalone_mode=False)
        lost = streams.lost()
        if lost is not None:
            raise lost
        if answer is streams.LOOKED:
            streams.leave()
    except click.exceptions.Exit as exit:
        sys.exit(exit.exit_code)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue(), err=True, end="")
        sys.exit(error.exit_code)
    except EvolveError as error:
        say(f"evolve: {error}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt, StopNow):
        say("evolve: ended at once", err=True)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        sys.exit(EXIT_FAILED)
    except Exception as error:
        # Imported late, since it is needed only after a failure.
        refused = import_module("evolve_ai.system.refusals").of_error(error)
        if refused is None:
            _tell_of_failure(error)
            sys.exit(EXIT_FAILED)
        say(f"evolve: {refused}", err=True)
        sys.exit(refused.exit_code)


def _tell_of_failure(error: Exception) -> None:
    if isinstance(error, OSError):
        where = f"{one_line(str(error.filename))}: " if error.filename else ""
        say(f"evolve: {where}{error.strerror or error}", err=True)
        return
    say(f"evolve: a defect in evolve: {type(error).__name__}: {error}", err=True)
    for line in traceback.format_tb(error.__traceback__)[-1:]:
        say(f"  {line.strip().splitlines()[0]}", err=True)
