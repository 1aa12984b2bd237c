"""Makes the tables of `evolve status` and `evolve agents`."""

from collections.abc import Iterator, Sequence

from evolve_ai.model.budget import Resource, shown
from evolve_ai.model.population_report import AgentRow, FitnessNumbers, Status
from evolve_ai.model.remedy import in_words
from evolve_ai.model.sandbox import Level
from evolve_ai.ui.columns import Cell, Column, Shown, painted, pairs, table
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.words import PAUSED, STYLES, energy, number, sandbox_colour

_SHORT = 13  # characters of an id, unless two agents share them
COLUMNS = (
    Column("id"),
    Column("state"),
    Column("pid", right=True, leaves=3),
    Column("gen", right=True, leaves=4),
    Column("age", right=True, leaves=5),
    Column("energy", right=True, leaves=2),
    Column("fitness", right=True, leaves=1),
    Column("genes", right=True, leaves=6),
    Column("restarts", right=True, leaves=7),
    Column("cause", leaves=8),
)


def agents_table(rows: Sequence[AgentRow], sandbox: str = "", width: int | None = None) -> Shown:
    """The table, below a line about the sandbox if there is none."""
    told = ""
    if sandbox.startswith(Level.NONE):
        told = painted(f"sandbox {one_line(sandbox)}", "red") + "\n"
    alike = len({row.id[:_SHORT] for row in rows}) < len(rows)
    cells = (_agent(row, row.id if alike else row.id[:_SHORT]) for row in rows)
    return Shown(told + table(COLUMNS, cells, width))


def _agent(row: AgentRow, id: str) -> tuple[Cell, ...]:
    return (
        Cell(id),
        Cell(row.state, STYLES.get(row.state)),
        Cell(str(row.pid or "–")),
        Cell(str(row.generation)),
        Cell(str(row.age)),
        Cell(energy(row.energy)),
        Cell(number(row.fitness)),
        Cell(str(row.active_genes)),
        Cell(str(row.restarts)),
        Cell(row.cause or ""),
    )


def status_table(status: Status, width: int | None = None) -> Shown:
    return pairs((*_facts(status), *_warnings(status)), width)


def _facts(status: Status) -> Iterator[tuple[str, Cell]]:
    population, builds = status.population, status.builds
    holder = f"life-cycle {status.life_cycle}" if status.life_cycle else "no life-cycle runs"
    if status.life_cycle_elsewhere:
        holder = "a life-cycle runs in another pid namespace, a container say"
    yield "project", Cell(f"{status.project} ({holder})")
    yield "time", Cell(f"cycle {status.cycle}, tick {status.tick}, {status.mode}")
    yield (
        "population",
        Cell(
            f"{population.alive} alive of {status.places} places: {population.running} running, "
            f"{population.quarantined} quarantined"
        ),
    )
    yield (
        "history",
        Cell(
            f"{population.founders} founded, {population.born} born, {population.dead} dead"
            + _causes(status.deaths)
        ),
    )
    generation = status.generation
    yield "generation", Cell(f"max {generation.max}, mean {number(generation.mean, 1)}")
    yield "fitness", Cell(_fitness(status.fitness))
    yield (
        "builds",
        Cell(
            f"{builds.requested} requested: {builds.compiled} compiled, {builds.reused} reused, "
            f"{builds.failed} failed"
        ),
    )
    yield "restarts", Cell(str(status.restarts))
    yield "budgets", Cell(_budgets(status))
    yield "sandbox", Cell(status.sandbox, sandbox_colour(status.sandbox))
    yield "digest", Cell(status.history_digest[:32] + "…")


def _warnings(status: Status) -> Iterator[tuple[str, Cell]]:
    if status.paused:
        yield "paused", Cell(PAUSED, "yellow")
    for name, found in status.budgets.items():
        if found.remedy:
            words = in_words(Resource(name), found.parts)
            yield "full", Cell(f"{words or name}; {found.remedy}", "yellow")
    if status.inputs_changed:
        yield "inputs", Cell(one_line(status.inputs_changed))
    if status.tainted:
        yield "tainted", Cell(status.tainted, "red")


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
