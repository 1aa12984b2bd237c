"""Owns the words and tables in which the terminal tells of a population."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evolve_ai.model.status import AgentRow, AgentStory, ExamResult, Status
from evolve_ai.stages.record import Summary

STYLES = {"running": "green", "waiting": "yellow", "quarantined": "red", "dead": "dim"}


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def energy(thousandths: int) -> str:
    return f"{thousandths / 1000:.1f}"


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
    population, fitness, builds = status.population, status.fitness, status.builds
    holder = f"life-cycle {status.life_cycle}" if status.life_cycle else "no life-cycle runs"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
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
        (
            "fitness",
            f"mean {number(fitness.mean)}, best {number(fitness.best)}, "
            f"founders {number(fitness.founders_mean)} (persistence is 0.500)",
        ),
        (
            "builds",
            f"{builds.requested} requested: {builds.compiled} compiled, {builds.reused} reused, "
            f"{builds.failed} failed",
        ),
        ("restarts", str(status.restarts)),
        ("sandbox", Text(status.sandbox, style="yellow")),
        ("digest", status.history_digest[:32] + "…"),
    ]
    if status.tainted:
        rows.append(("tainted", Text(status.tainted, style="red")))
    for name, value in rows:
        table.add_row(name, value)
    return table


def _causes(deaths: dict[str, int]) -> str:
    if not deaths:
        return ""
    told = ", ".join(f"{count} {cause}" for cause, count in sorted(deaths.items()))
    return f" ({told})"


def agents_table(rows: Sequence[AgentRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
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


def story(told: AgentStory) -> RenderableType:
    row = told.agent
    origin = "founder" if told.founder else "child of " + " and ".join(p[:13] for p in row.parents)
    died = f", died in cycle {told.died_cycle}" if told.died_cycle is not None else ""
    metrics = told.metrics
    lines = [
        Text(f"agent {row.id}", style="bold"),
        Text(f"  {origin}, generation {row.generation}, born in cycle {told.born_cycle}{died}"),
        Text(
            f"  {row.state}"
            + (f", pid {row.pid}" if row.pid else "")
            + f", {row.restarts} restarts"
            + (f"; last cause: {row.cause}" if row.cause else "")
        ),
        *([Text(f"  {told.reason}", style="red")] if told.reason else []),
        Text(
            f"  energy {energy(row.energy)}, fitness {number(row.fitness)}, age {row.age} cycles, "
            f"{row.cpu_seconds:.2f} s cpu, {row.rss_bytes // 1024} KiB memory"
        ),
        Text(
            f"  {metrics['active_genes']} active genes in {metrics['active_files']} files; "
            f"{metrics['functions']} functions, complexity {metrics['complexity']}, "
            f"{metrics['lines']} lines"
        ),
        Text(f"  mutations in life: {_counts(told.mutations)}"),
        Text(f"  children: {', '.join(child[:13] for child in told.children) or 'none'}"),
        Text("genome, in calling order", style="bold"),
        *_genome_lines(told),
        Text("what happened", style="bold"),
        *(_event_line(event) for event in told.events),
    ]
    return Group(*lines)


def _counts(items: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in items.items()) or "none"


def _genome_lines(told: AgentStory) -> list[Text]:
    if "unreadable" in told.genome:
        return [Text(f"  unreadable: {told.genome['unreadable']}", style="red")]
    lines = []
    for gene in told.genome["genes"]:
        name = gene["path"].removeprefix("src/genes/")
        line = Text(f"  {name:<18}", style="" if gene["active"] else "dim")
        for function, active in gene["functions"].items():
            on = active and gene["active"]
            line.append(f" {function}", style="green" if on else "dim")
        lines.append(line)
    traits = ", ".join(f"{name} {value:.2f}" for name, value in told.genome["traits"].items())
    lines.append(Text(f"  traits: {traits}"))
    return lines


def _event_line(event: dict[str, object]) -> Text:
    known = ("seq", "ts", "run", "cycle", "event", "agent")
    rest = ", ".join(f"{k} {v}" for k, v in event.items() if k not in known and v not in (None, []))
    return Text(f"  cycle {event['cycle']!s:>4}  {event['event']!s:<10} {rest}")


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
