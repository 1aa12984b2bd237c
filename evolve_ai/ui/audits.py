"""Shows an audit: each finding once, with the agents that it keeps from running."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from evolve_ai.model.status import AuditResult, AuditRow
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.words import agents, held_up, whom

STYLES = {"error": "red", "warning": "yellow"}


def audit_result(result: AuditResult) -> RenderableType:
    """A summary, a line for each finding, and the agents that are refused."""
    return Group(Text(_summary(result)), *_findings(result), *_refused(result.agents))


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


def _findings(result: AuditResult) -> Iterator[Text]:
    """Findings in the style of a compiler, with the agents that have the file or use it."""
    for file in (file for file in result.files if file.findings):
        held_by = [row.id for row in result.agents if row.files.get(file.path) == file.code]
        for one in file.findings:
            yield Text.assemble(
                f"  {one_line(file.path)}:{one.line}:{one.column}: ",
                (f"{one.severity}[{one.rule}]", STYLES[one.severity]),
                f": {one_line(one.text)} (active in {file.active} of {whom(held_by)})",
            )


def _refused(rows: Iterable[AuditRow]) -> Iterator[Text]:
    for reason, who in held_up(rows):
        yield Text(f"  refused: {one_line(reason)}", style="red")
        yield Text(f"    {who}")
