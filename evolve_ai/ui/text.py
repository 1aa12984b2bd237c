"""Owns the words and tables in which the terminal tells of a population."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evolve_ai.model.budget import Resource, shown
from evolve_ai.model.sandbox import Level
from evolve_ai.model.status import (
    AgentRow,
    AuditRow,
    BuildRow,
    ExamResult,
    FitnessNumbers,
    Status,
    Verification,
)
from evolve_ai.stages.record import Summary

PAUSED = "time stands still; it goes on with: evolve resume"
SHOWN = 5  # ids of agents that are held up for the same reason
STYLES = {"running": "green", "waiting": "yellow", "quarantined": "red", "dead": "dim"}


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def agents(count: int) -> str:
    return counted(count, "agent")


def counted(count: int, thing: str) -> str:
    """So many things, in the plural where these are more than one, or none."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def held_up(rows: Iterable[AuditRow | BuildRow]) -> Iterator[tuple[str, str]]:
    """Each reason, and whom it keeps from running; what holds up most of them comes first."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            alike.setdefault(row.reason, []).append(row.id)
    for reason, ids in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])):
        yield reason, whom(ids)


def whom(ids: Sequence[str]) -> str:
    """How many, and the beginnings of the first ones' names."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{agents(len(ids))}: {', '.join(id[:13] for id in ids[:SHOWN])}{more}"


def energy(thousandths: int) -> str:
    return f"{thousandths / 1000:.1f}"


def verification(found: Verification) -> Iterator[str]:
    """A line for each kind of thing, and two for each that is not as it was left."""
    for row in found.rows:
        yield f"{'NO ' if row.problems else 'ok '} {row.kind}: {row.detail}"
        for problem in row.problems:
            yield f"     {problem.where}: {problem.what}"
            yield f"       {problem.todo}"


def cycle_line(cycle: int, summary: Summary) -> str:
    """One line for a cycle: who lives, who came and went, what was built, how fit they are."""
    seconds = sum(summary.seconds.values())
    built = summary.builds
    parts = [
        f"cycle {cycle:>4}",
        f"alive {summary.alive} ({summary.running} running)",
        f"born {summary.born:>3}",
        f"died {summary.died:>3}",
        f"built {built.compiled:>3}" + (f" ({built.failed} failed)" if built.failed else ""),
        f"fitness {number(summary.fitness_mean)} (best {number(summary.fitness_best)})",
        f"{seconds:.2f} s",
    ]
    if summary.quarantined:
        parts.insert(2, f"quarantined {summary.quarantined}")
    return " · ".join(parts)


def status_table(status: Status) -> RenderableType:
    population, builds = status.population, status.builds
    holder = f"life-cycle {status.life_cycle}" if status.life_cycle else "no life-cycle runs"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows: list[tuple[str, str | Text]] = [
        ("project", f"{status.project} ({holder})"),
        ("time", f"cycle {status.cycle}, tick {status.tick}, {status.mode}"),
        (
            "population",
            f"{population.alive} alive of {status.places} places: {population.running} running, "
            f"{population.quarantined} quarantined",
        ),
        (
            "history",
            f"{population.founders} founded, {population.born} born, {population.dead} dead"
            + _causes(status.deaths),
        ),
        ("generation", f"max {status.generation.max}, mean {number(status.generation.mean, 1)}"),
        ("fitness", _fitness(status.fitness)),
        (
            "builds",
            f"{builds.requested} requested: {builds.compiled} compiled, {builds.reused} reused, "
            f"{builds.failed} failed",
        ),
        ("restarts", str(status.restarts)),
        ("budgets", _budgets(status)),
        ("sandbox", sandbox_text(status.sandbox)),
        ("digest", status.history_digest[:32] + "…"),
    ]
    for name, value in (*rows, *_warnings(status)):
        table.add_row(name, value)
    return table


def sandbox_text(line: str) -> Text:
    """A line that begins with a level: red for none, yellow for less than was asked for."""
    return Text(line, style=sandbox_colour(line) or "")


def sandbox_colour(line: str) -> str | None:
    if line.startswith(Level.NONE):
        return "red"
    return "yellow" if line.startswith(f"{Level.LANDLOCK}, ") else None


def _warnings(status: Status) -> Iterator[tuple[str, Text]]:
    if status.paused:
        yield "paused", Text(PAUSED, style="yellow")
    if status.tainted:
        yield "tainted", Text(status.tainted, style="red")


def _fitness(fitness: FitnessNumbers) -> str:
    return (
        f"mean {number(fitness.mean)}, best {number(fitness.best)}, "
        f"founders {number(fitness.founders_mean)} (best {number(fitness.founders_best)}; "
        "persistence is 0.500)"
    )


def _budgets(status: Status) -> str:
    return ", ".join(
        f"{name} {shown(Resource(name), found.used)} of {shown(Resource(name), found.allowed)}"
        for name, found in status.budgets.items()
    )


def _causes(deaths: dict[str, int]) -> str:
    if not deaths:
        return ""
    told = ", ".join(f"{count} {cause}" for cause, count in sorted(deaths.items()))
    return f" ({told})"


def agents_table(rows: Sequence[AgentRow], sandbox: str = "") -> Table:
    """Below a line about the sandbox, where there is none."""
    told = Text(f"sandbox {sandbox}", style="red") if sandbox.startswith(Level.NONE) else None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title=told)
    table.title_justify = "left"
    table.add_column("id")
    table.add_column("state")
    for name in ("pid", "gen", "age", "energy", "fitness", "genes", "restarts"):
        table.add_column(name, justify="right")
    table.add_column("cause")
    for row in rows:
        table.add_row(
            row.id[:13],
            Text(row.state, style=STYLES.get(row.state, "")),
            str(row.pid or "–"),
            str(row.generation),
            str(row.age),
            energy(row.energy),
            number(row.fitness),
            str(row.active_genes),
            str(row.restarts),
            row.cause or "",
        )
    return table


def exam_table(result: ExamResult) -> Table:
    table = Table(
        title=f"exam on {result.stretch}", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("")
    for name in ("agents", "median S", "median error"):
        table.add_column(name, justify="right")
    for name, marks in (
        ("founders", result.founders),
        ("living", result.living),
        ("persistence", result.persistence),
    ):
        table.add_row(
            name,
            str(marks.agents or "–"),
            number(marks.median_s),
            number(marks.median_error, 2),
        )
    return table


def detached(orphan_seconds: int) -> str:
    """What is told when agents are left alive at the end."""
    return (
        f"the agents live on, for {orphan_seconds} s at most: the next life-cycle takes them over, "
        "`evolve stop` ends them"
    )
