"""Shows the story of one agent, for `evolve show`."""

import re
from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from evolve_ai.model.status import AgentStory
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.words import SHOWN, counted, energy, first_of, number

COMMON = ("seq", "ts", "run", "cycle", "event", "agent")
_LONG = re.compile(r"\b([0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{12})[0-9a-f-]{20,52}\b")


def story(told: AgentStory) -> RenderableType:
    return Group(
        Text(f"agent {told.agent.id}", style="bold"),
        *(Text(f"  {line}") for line in _facts(told)),
        *([Text(_reason(told.reason), style="red")] if told.reason else []),
        Text("genome, in calling order (inactive genes in brackets)", style="bold"),
        *_genome_lines(told),
        Text("what happened", style="bold"),
        *(_event_line(event) for event in told.events),
    )


def _reason(reason: str) -> str:
    """Indent the lines after the first so far that they cannot pass for lines of ours."""
    return "  " + reason.replace("\n", "\n    ")


def _facts(told: AgentStory) -> Iterator[str]:
    row, metrics = told.agent, told.metrics
    origin = "founder" if told.founder else "child of " + " and ".join(map(_short, row.parents))
    died = f", died in cycle {told.died_cycle}" if told.died_cycle is not None else ""
    yield f"{origin}, generation {row.generation}, born in cycle {told.born_cycle}{died}"
    if len(told.lineage) > 1:
        more = f" … and {len(told.lineage) - SHOWN} more" if len(told.lineage) > SHOWN else ""
        yield "lineage: " + " < ".join(map(_short, told.lineage[:SHOWN])) + more
    yield f"children: {first_of(told.children) or 'none'}"
    pid = f", pid {row.pid}" if row.pid else ""
    cause = f"; last cause: {row.cause}" if row.cause else ""
    aside = f" for {counted(row.quarantine_cycles, 'cycle')}" if row.state == "quarantined" else ""
    yield f"{row.state}{aside}{pid}, {counted(row.restarts, 'restart')}{cause}"
    yield f"energy {energy(row.energy)}, a tick awake costs {told.cost / 1000:.2f}"
    yield f"fitness {number(row.fitness)}, age {counted(row.age, 'cycle')}"
    yield f"{row.cpu_seconds:.2f} s of cpu, {row.rss_bytes // 1024} KiB of memory"
    yield f"{_genes(metrics)}, {_structure(metrics)}"
    mutations = ", ".join(f"{count} {one_line(name)}" for name, count in told.mutations.items())
    yield f"mutations in life: {mutations or 'none'}"


def _genes(metrics: Mapping[str, int | None]) -> str:
    genes = counted(metrics["active_genes"] or 0, "active gene")
    return f"{genes} in {counted(metrics['active_files'] or 0, 'file')}"


def _structure(metrics: Mapping[str, int | None]) -> str:
    functions, lines = metrics["functions"], metrics["lines"]
    if functions is None or lines is None:
        return "not measured before its first cycle"
    told = f"{counted(functions, 'function')}, complexity {metrics['complexity']}"
    return f"{told}, {counted(lines, 'line')}"


def _genome_lines(told: AgentStory) -> Iterator[Text]:
    if "unreadable" in told.genome:
        yield Text(f"  unreadable: {told.genome['unreadable']}", style="red")
        return
    for gene in told.genome["genes"]:
        line = Text(f"  {gene['path'].rpartition('/')[2]:<18}")
        for function, active in gene["functions"].items():
            speaks = active and gene["active"]
            line.append(
                f" {function}" if speaks else f" ({function})", "green" if speaks else "dim"
            )
        yield line
    traits = ", ".join(f"{name} {value:.2f}" for name, value in told.genome["traits"].items())
    traits = one_line(traits)
    yield Text(f"  traits: {traits}", style="dim")


def _event_line(event: dict[str, object]) -> Text:
    facts = ", ".join(
        f"{name} {_worded(value)}"
        for name, value in event.items()
        if name not in COMMON and value not in (None, [])
    )
    return Text(f"  cycle {event['cycle']!s:>4}  {event['event']!s:<10} {facts}")


def _worded(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _LONG.sub(r"\1…", one_line(text))


def _short(agent: str) -> str:
    return agent[:13]
