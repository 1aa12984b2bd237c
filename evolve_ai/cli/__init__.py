"""Owns the command line `evolve`; only this folder prints and exits."""

import io
import json
import shlex
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from evolve_ai import __version__
from evolve_ai.cli import inspect, operate
from evolve_ai.cli.options import (
    Duration,
    json_option,
    open_project,
    present,
    project_option,
    say,
    show_json,
    terms,
    told,
    unsafe_option,
    workers_option,
)
from evolve_ai.model.errors import EXIT_FAILED, EvolveError
from evolve_ai.model.status import AgentRow
from evolve_ai.pipelines import runs
from evolve_ai.pipelines.cycle_report import CycleReport
from evolve_ai.pipelines.health import check_health
from evolve_ai.pipelines.initiate_project import check_count
from evolve_ai.pipelines.new_project import scaffold
from evolve_ai.pipelines.runs import life
from evolve_ai.pipelines.verification import lost_key
from evolve_ai.plugins import assemble
from evolve_ai.ui import text
from evolve_ai.ui.builds import build_result, explanation
from evolve_ai.ui.progress import bar, build_bar
from evolve_ai.ui.signals import StopNow, ending_at_once, ending_gracefully
from evolve_ai.ui.story import story
from evolve_ai.ui.terminal import Terminal, one_line


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evolve")
def evolve() -> None:
    """Breed populations of real programs."""


for command in (*operate.COMMANDS, *inspect.COMMANDS):
    evolve.add_command(command)


@evolve.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Scaffold a project in FOLDER."""
    made = scaffold(folder)
    for path in made:
        if len(path.parts) == 1:
            say(f"  {path}{'/' if (folder / path).is_dir() else ''}")
    genes = sum(1 for path in made if path.parent.name == "genes" and path.name != "mod.rs")
    say(f"\n{genes} gene files are in agent_template/src/genes/, settings in evolve.toml.")
    say(f"Next: cd {shlex.quote(str(folder))} && evolve init 100 && evolve life-cycle")


@evolve.command()
@click.argument("count", type=int)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Written into evolve.toml.")
@workers_option
@project_option
def init(count: int, seed: int | None, **at: Any) -> None:
    """Found COUNT agents from the template; again: COUNT more."""
    check_count(count)
    if seed is not None:
        runs.choose_seed(at["project"], seed)
    project = open_project(**at)
    holder = runs.hand_over(project, count)
    if holder is not None:
        say(f"The life-cycle (pid {holder}) will found {count} agents after this cycle,")
        say("or, if that is its last one, the next life-cycle will.")
        return
    begun = time.monotonic()
    try:
        with bar("founding", Terminal()) as advance:
            founding = runs.found(
                project, assemble, count, lambda n, of: advance(n, of, f"agents {n}/{of}")
            )
    except KeyboardInterrupt:
        say(f"stopped; who was founded stays. evolve init {count} founds the rest", err=True)
        raise
    if founding.resumed:
        say(f"finished an init that was interrupted: {founding.resumed} were left")
    say(
        f"founded {len(founding.founded)} agents in {time.monotonic() - begun:.1f} s, "
        f"{founding.places} places; see {project.logs / 'initialization_log.txt'}"
    )


@evolve.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@project_option
def import_(folder: Path, **at: Any) -> None:
    """Found agents from folders made elsewhere: FOLDER is one, or holds some."""
    project = open_project(**at)
    imported = runs.take_in(project, assemble, folder)
    for agent in imported.founded:
        say(f"  imported {agent.id}")
    for path, reason in imported.refused:
        say(f"  refused  {one_line(str(path))}: {reason}", err=True)
    if imported.refused:
        raise EvolveError(
            f"{len(imported.founded)} imported, {len(imported.refused)} refused", where=folder
        )


@evolve.command("life-cycle")
@click.option("--cycles", type=click.IntRange(1), help="End after so many cycles.")
@click.option("--for", "seconds", type=Duration(), help="End after so long: 90, 30s, 10m, 2h, 1d.")
@click.option("--selection", help="Override the selection policy.")
@click.option(
    "--detach-on-exit",
    is_flag=True,
    help="Leave the agents alive at the end, for the next life-cycle to take over.",
)
@workers_option
@unsafe_option
@json_option
@project_option
def life_cycle(
    cycles: int | None,
    seconds: float | None,
    selection: str | None,
    detach_on_exit: bool,
    unsafe: bool,
    as_json: bool,
    **at: Any,
) -> None:
    """Let the population live. Ctrl-C ends after the cycle under way; twice ends now."""
    if selection:
        at["overrides"] = (*at["overrides"], f"selection={json.dumps(selection)}")
    project = open_project(**at)
    console = Terminal()

    def hear(name: str, outcome: str) -> None:
        say(f"  {name}: {one_line(outcome)}", err=True)

    with (
        ending_gracefully(lambda words: say(words, err=True)) as ending,
        build_bar(console) as advance,
        life(project, assemble, advance, hear, terms(unsafe)) as manager,
    ):
        ending.calls(manager.stop)
        manager.detaches = detach_on_exit
        if manager.operator.paused:
            hear("paused", text.PAUSED)

        def watch(report: CycleReport) -> None:
            for note in (*report.notes, *(f"tainted: {reason}" for reason in report.taints)):
                say(f"  {one_line(note)}", err=True)
            if not as_json and not told(text.cycle_line(report.cycle, report.summary), console):
                manager.stop()

        manager.manage_agents_lifecycle(cycles, seconds, watch)
        if detach_on_exit:
            hear("detached", text.detached(project.settings.supervise.orphan_seconds))
    if as_json:
        show_json(runs.status(project))


@evolve.command()
@click.option("--wait", type=Duration(), default="10m", help="How long to wait (default 10m).")
@project_option
def stop(wait: float, **at: Any) -> None:
    """End the life-cycle that holds the project, and agents that live on without one."""
    pid = runs.stop(at["project"], wait)
    left = runs.send_home(open_project(**at), assemble) if pid is None else 0
    if pid is not None:
        say(f"stopped (was pid {pid})")
    elif left:
        say(f"no life-cycle ran here; stopped {left} agents that lived on without one")
    else:
        say("no life-cycle runs here")


@evolve.command()
@json_option
@project_option
def status(as_json: bool, **at: Any) -> None:
    """How the population is."""
    found = runs.status(open_project(**at))
    show_json(found) if as_json else Terminal().print(text.status_table(found))


@evolve.command()
@click.option("--all", "everyone", is_flag=True, help="The dead too.")
@json_option
@project_option
def agents(everyone: bool, as_json: bool, **at: Any) -> None:
    """List the agents: the living, fittest first."""
    project = open_project(**at)
    rows: list[AgentRow] = runs.rows(project, everyone)
    if as_json:
        show_json([row.model_dump() for row in rows])
    else:
        Terminal().print(text.agents_table(rows, runs.sandbox(project)))


@evolve.command()
@click.argument("agent_id", metavar="ID")
@json_option
@project_option
def show(agent_id: str, as_json: bool, **at: Any) -> None:
    """Tell who the agent ID is (a unique beginning of the id will do)."""
    told = runs.story(open_project(**at), assemble, agent_id)
    show_json(told) if as_json else Terminal().print(story(told))


@evolve.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everyone", is_flag=True, help="All that live (so without any ID, too).")
@click.option("--explain", is_flag=True, help="Tell what the program of one agent is made of.")
@unsafe_option
@json_option
@project_option
def build(
    ids: tuple[str, ...], everyone: bool, explain: bool, unsafe: bool, as_json: bool, **at: Any
) -> None:
    """Build the programs of agents as they are now, before any life-cycle needs them.

    Every agent, or those whose ids begin with ID. History goes on as if nothing had been built.
    """
    if everyone and ids:
        raise click.UsageError("give --all or IDs, not both")
    if explain:
        explain_build(ids, as_json, **at)
        return
    project = open_project(**at)
    if lost := lost_key(project):
        say(f"  {lost}", err=True)
    with ending_at_once(), build_bar(Terminal()) as advance:
        result = runs.build(project, assemble, ids, advance, terms(unsafe))
    show_json(result) if as_json else present(build_result(result))
    if result.totals.failed:
        sys.exit(EXIT_FAILED)


def explain_build(ids: tuple[str, ...], as_json: bool, **at: Any) -> None:
    if len(ids) != 1:
        raise click.UsageError("--explain needs the ID of one agent")
    project = open_project(**at)
    told = runs.explain(project, assemble, ids[0])
    show_json(told) if as_json else present(explanation(told, project.root))


@evolve.command()
@unsafe_option
@json_option
@project_option
def exam(unsafe: bool, as_json: bool, **at: Any) -> None:
    """Examine founders and living, afresh, on the held-out stretch."""
    with ending_at_once(), build_bar(Terminal()) as advance:
        result = runs.exam(open_project(**at), assemble, advance, terms(unsafe))
    show_json(result) if as_json else Terminal().print(text.exam_table(result))


@evolve.command()
@json_option
@project_option
def doctor(as_json: bool, **at: Any) -> None:
    """Check what evolve needs, and say what to do about what is missing."""
    checks = check_health(at["project"].absolute(), at["overrides"], assemble)
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        for check in checks:
            colour = text.sandbox_colour(check.detail) if check.name == "sandbox" else None
            say(f"{'ok ' if check.ok else 'NO '} {check.name}: {check.detail}", fg=colour)
            if not check.ok and check.todo:
                say(f"     {check.todo}")
    if not all(check.ok for check in checks):
        sys.exit(1)


def main() -> None:
    """Run a command; every failure is a sentence and an exit code, never a traceback."""
    try:
        evolve(standalone_mode=False)
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
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    except OSError as error:
        where = f"{one_line(str(error.filename))}: " if error.filename else ""
        say(f"evolve: {where}{error.strerror or error}", err=True)
        sys.exit(EXIT_FAILED)
    except Exception as error:
        say(f"evolve: a defect of ours: {type(error).__name__}: {error}", err=True)
        for line in traceback.format_tb(error.__traceback__)[-1:]:
            say(f"  {line.strip().splitlines()[0]}", err=True)
        sys.exit(EXIT_FAILED)
