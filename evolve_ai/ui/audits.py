"""Owns how an audit is told: each finding once, then whom it keeps from running."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evolve_ai.model.status import AuditedFile, AuditResult, AuditRow
from evolve_ai.ui.text import agents, plain

SHOWN = 5  # ids of agents that are refused for the same reason
STYLES = {"error": "red", "warning": "yellow"}


def audit_result(result: AuditResult) -> RenderableType:
    """A line for all, a table of findings by file, and the agents that are refused."""
    findings = [file for file in result.files if file.findings]
    parts: list[RenderableType] = [Text(_summary(result))]
    if findings:
        parts.append(_table(findings))
    return Group(*parts, *_refused(result.agents))


def _summary(result: AuditResult) -> str:
    totals = result.totals
    verdicts = (
        (totals.clean, "clean"),
        (totals.warned, "warned"),
        (totals.refused, "refused"),
    )
    told = [f"{count} {word}" for count, word in verdicts if count]
    policy = f"policy {result.policy[:12]}"
    files = "1 gene file" if totals.files == 1 else f"{totals.files} gene files"
    return " · ".join([agents(totals.agents), *told, files, policy, f"{result.seconds:.2f} s"])


def _table(files: Iterable[AuditedFile]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("  file", "rule", "what", "active in"):
        table.add_column(name)
    for file in files:
        for one in file.findings:
            table.add_row(
                f"  {plain(file.path)}:{one.line}:{one.column}",
                Text(one.rule, style=STYLES[one.severity]),
                Text(plain(one.text)),
                f"{file.active} of {file.agents}",
            )
    return table


def _refused(rows: Sequence[AuditRow]) -> Iterator[Text]:
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            alike.setdefault(row.reason, []).append(row.id[:13])
    for reason, ids in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])):
        yield Text(f"  refused: {plain(reason)}", style="red")
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        yield Text(f"    {agents(len(ids))}: {', '.join(ids[:SHOWN])}{more}")
