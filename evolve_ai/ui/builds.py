"""Shows builds: the result of `evolve build`, and what `--explain` found."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evolve_ai.model.status import BuildExplanation, BuildResult, BuildRow, ProgramFacts
from evolve_ai.ui.words import STYLES, agents, held_up

HEADS = {"build": "cannot be built", "audit": "refused by the audit", "genome": "not viable"}
_LONG = re.compile(r"(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{12,}")
VERDICTS = {"ready": "green", "unbuilt": "yellow", "failed": "red"}


def build_result(result: BuildResult) -> RenderableType:
    """A summary, then each reason for failure with the agents that it keeps from running."""
    return Group(Text(_summary(result)), *_failures(result.agents))


def _summary(result: BuildResult) -> str:
    totals = result.totals
    made = [
        f"{count} {words}"
        for count, words in ((totals.compiled, "compiled now"), (totals.reused, "from the store"))
        if count
    ]
    ready = totals.compiled + totals.reused
    parts = [
        agents(totals.requested),
        f"{ready} ready" + (f" ({', '.join(made)})" if made else ""),
        f"{result.seconds:.2f} s",
    ]
    if totals.failed:
        parts.insert(2, f"{totals.failed} cannot be built")
    return " · ".join(parts)


def _failures(rows: Iterable[BuildRow]) -> Iterator[Text]:
    for reason, whom in held_up(rows):
        yield Text(f"  {reason.splitlines()[0]}", style="red")
        yield Text(f"    {whom}")


def explanation(told: BuildExplanation, root: Path) -> RenderableType:
    """The explanation, with shortened hashes; `--json` has the complete ones."""
    head = HEADS[told.cause] if told.cause else told.verdict
    state = Text(told.state, style=STYLES.get(told.state, ""))
    verdict = Text.assemble((f"{head}: ", VERDICTS[told.verdict]), told.reason)
    parts: list[RenderableType] = [
        Text.assemble((f"agent {told.agent}", "bold"), " (", state, ")"),
        _indented(verdict),
    ]
    if told.fingerprint:
        parts += [_title(f"program {told.fingerprint}"), _pairs(_program(told, root))]
    if told.ingredients:
        parts += [_title("made of"), _pairs(_ingredients(told))]
    if told.units:
        parts += [_title("gene files, each compiled once for all agents"), _units(told)]
    return Group(*parts)


def _program(told: BuildExplanation, root: Path) -> Iterator[tuple[str, str]]:
    if told.recorded_fingerprint not in ("", told.fingerprint):
        yield "before", f"{told.recorded_fingerprint}, when it was last built"
    if told.program:
        program = told.program
        yield "file", f"{_beside(root, program.file)} ({program.bytes / 1e6:.1f} MB)"
        yield "argument", " ".join(program.arguments)
        yield "shared", _shared(program)
    yield "running", _running(told)


def _shared(program: ProgramFacts) -> str:
    if not program.file_sharers:
        return "with no other agent"
    others = f"with {_counted(program.file_sharers, 'other agent')}"
    if not program.sharers:
        return others
    return f"{others}; with {program.sharers} of them, the argument too"


def _running(told: BuildExplanation) -> str:
    if told.pid is None:
        return "no process"
    if told.running_fingerprint == told.fingerprint:
        return f"process {told.pid} runs this program"
    return f"process {told.pid} still runs {told.running_fingerprint}"


def _ingredients(told: BuildExplanation) -> Iterator[tuple[str, str]]:
    """The ingredients that are not shown as the code of a unit."""
    files = {file for unit in told.units for file in unit.files}
    return ((name, value) for name, value in told.ingredients.items() if name not in files)


def _units(told: BuildExplanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("  file", "code", "unit", "state", "uses"):
        table.add_column(name, overflow="fold")
    for unit in told.units:
        for file in unit.files:
            table.add_row(
                f"  {_module(file)}",
                _short(told.ingredients[file]),
                _short(unit.name),
                Text(unit.state, style=VERDICTS[unit.state]),
                " ".join(map(_module, unit.uses)) or "–",
            )
    return table


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(f"  {name}", _short(value))
    return table


def _indented(text: Text) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row("", text)
    return table


def _title(words: str) -> Text:
    return Text(_short(words), style="bold")


def _module(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _beside(root: Path, file: str) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def _short(text: str) -> str:
    return _LONG.sub(r"\1…", text)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
