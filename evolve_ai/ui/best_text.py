"""Makes the lines of `evolve best`."""

from collections.abc import Iterator

from evolve_ai.model.search_report import BestReport, EditReport, MeasuredReport
from evolve_ai.ui.search_text import in_digits
from evolve_ai.ui.words import counted


def best_lines(report: BestReport, patch: str) -> Iterator[str]:
    """Scores with intervals, what each edit is worth, and the patch."""
    yield f"candidate {report.number}, measured afresh"
    yield f"  initial  {measured(report.initial)}"
    yield f"  best     {measured(report.best)}"
    if report.holdout is not None:
        first, last = in_digits(report.holdout.initial), in_digits(report.holdout.best)
        yield f"  holdout  {first} -> {last} (by the evaluator that the search never saw)"
    if not patch:
        yield "nothing is better than the initial program yet"
        return
    if report.minified:
        yield "edits that did not matter were taken back"
    yield f"\n{counted(len(report.edits), 'edit')}; the score without each:"
    for one in report.edits:
        yield f"  {edit(one)}"
    yield f"\n{patch.rstrip()}"


def measured(one: MeasuredReport) -> str:
    if one.score is None or one.low is None or one.high is None:
        return "no score"
    if one.low == one.high:
        return f"{in_digits(one.score)} (the same in {one.repeats} runs)"
    ends = f"{in_digits(one.low)} to {in_digits(one.high)}"
    return f"{in_digits(one.score)} (95 %: {ends}; {one.repeats} runs)"


def edit(one: EditReport) -> str:
    without = "none: it fails" if one.without is None else in_digits(one.without)
    old, new = _brief(one.old), _brief(one.new)
    return f"{one.path}:{one.line}  {old} -> {new}  without it {without}"


def _brief(text: str) -> str:
    words = " ".join(text.split())
    return "nothing" if not words else words if len(words) <= 40 else f"{words[:37]}..."
