"""Makes lines and tables about a population for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from evolve_ai.model.budget import in_bytes
from evolve_ai.model.cycle import Summary
from evolve_ai.model.history_settings import HistorySettings
from evolve_ai.model.pruning import Pruned
from evolve_ai.model.status import ExamResult, Verification
from evolve_ai.ui.words import number

NOBODY_REPORTS = (
    "no agent reports a fitness, and the world `solitary` pays by it: put a gene that calls "
    "agent.report(...) into the template, or choose another environment"
)


def verification(found: Verification) -> Iterator[str]:
    """A line for each kind of thing, and two for each problem."""
    for row in found.rows:
        yield f"{'NO ' if row.problems else 'ok '} {row.kind}: {row.detail}"
        for problem in row.problems:
            yield f"     {problem.where}: {problem.what}"
            yield f"       {problem.todo}"


def cycle_line(cycle: int, summary: Summary, seconds: float) -> str:
    """A line about a cycle: agents alive, born and dead, builds, and fitness."""
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


def pruned(found: Pruned, keep: HistorySettings) -> Iterator[str]:
    """Lines about what was forgotten, and about the size of the file."""
    if not (keep.samples or keep.genomes or keep.agents):
        yield "[history] in evolve.toml keeps everything about dead agents: nothing was removed"
    else:
        yield (
            f"removed: {found.agents} agents, {found.genomes} genomes, {found.samples} samples "
            "of dead agents"
        )
    yield f"registry: {in_bytes(found.bytes_before)} before, {in_bytes(found.bytes_after)} now"


def exam_table(result: ExamResult) -> Table:
    told = f"; seen: {result.told}" if result.told else ""
    title = f"exam on {result.stretch}{told}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("agents", "median S", "median error"):
        table.add_column(name, justify="right", overflow="fold")
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
    """A line for the end of a run that leaves its agents alive."""
    return (
        f"the agents live on, for {orphan_seconds} s at most: the next life-cycle takes them over, "
        "`evolve stop` ends them"
    )
