"""Makes lines and tables about a search for the terminal."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from evolve_ai.model.search_report import CandidateReport, SearchReport
from evolve_ai.pipelines.improve import Improver
from evolve_ai.search.commit import Step
from evolve_ai.ui.plain import one_line
from evolve_ai.ui.words import counted


def step_line(step: Step, sign: float) -> str:
    """A line about an improvement; "" for other candidates."""
    one = step.candidate
    if not step.improved or one.score is None:
        return ""
    score = in_digits(sign * one.score.value)
    if not one.number:
        return f"initial program  {score}"
    before = "" if step.before is None else f"{in_digits(sign * step.before.value)} -> "
    parents = " and ".join(map(str, one.parents))
    return f"candidate {one.number:>5}  {before}{score}  {one.operators[-1]} of {parents}"


class News:
    """Leaves out what a step says of stagnation if that was said last: the log has it."""

    def __init__(self) -> None:
        self._said = ""

    def of(self, step: Step) -> Iterator[str]:
        if step.improved:
            self._said = ""
        for words in step.notes:
            answer = words.partition(": ")[2]
            if answer != self._said:
                self._said = answer
                yield words


def in_digits(value: float | None) -> str:
    """A score in at most seven digits."""
    return "–" if value is None else f"{value + 0.0:.7g}"


def progress(running: Improver, candidates: int) -> tuple[int, int, str]:
    """(done, total, words) for a bar."""
    search = running.search
    done = max(0, search.committed)
    champion = search.champion
    sign = running.opened.found.task.score.signs[0]
    best = "–" if champion is None else in_digits(sign * champion.score.value)
    total = candidates or max(done + 1, 1)
    return done, total, f"candidate {done} · best {best}"


def failures(found: SearchReport) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in found.failures.items())


def end_lines(found: SearchReport, project: Path) -> Iterator[str]:
    """What a run came to."""
    tried = counted(found.candidates, "candidate")
    failed = f" ({failures(found)})" if found.failures else ""
    reason = "" if found.stopped == f"{found.candidates} candidates" else f"{found.stopped}: "
    yield f"{reason}{tried}{failed}, {counted(found.trials, 'trial')}"
    if found.best is None or found.initial is None:
        return
    if found.best.number == 0:
        yield f"nothing is better than the initial program yet: {in_digits(found.initial.score)}"
        return
    yield (
        f"{found.goal} {in_digits(found.initial.score)} -> {in_digits(found.best.score)}, "
        f"candidate {found.best.number}"
    )
    yield f"Next: evolve best --project {shlex.quote(str(project))} --diff"


def status_lines(found: SearchReport, width: int | None) -> Iterator[str]:
    """Of `evolve status` in the project of a search."""
    pid = found.running
    running = "paused" if found.paused else f"searches (pid {pid})" if pid else "no run"
    rows = [
        ("task", found.task),
        ("run", running),
        ("candidates", f"{found.candidates}, {counted(found.trials, 'trial')}"),
        ("failures", failures(found) or "none"),
        ("archive", found.archive),
        (found.goal, _scores(found)),
        ("spend", f"{found.spend['cpu_seconds']:.1f} s of processor time in trials"),
        ("history", found.history_digest[:16] or "–"),
    ]
    if found.stopped and not pid:
        rows.insert(2, ("ended", one_line(found.stopped)))
    if found.tainted:
        rows.append(("tainted", found.tainted))
    wide = max(len(name) for name, _ in rows)
    for name, text in rows:
        yield f"{name:<{wide}}  {text}"[: None if width is None else max(width, 40)]


def operators_table(found: SearchReport) -> Table:
    """Operators by what they brought."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("operator")
    for name in ("candidates", "with a score", "improved"):
        table.add_column(name, justify="right")
    for one in found.operators:
        table.add_row(one.operator, str(one.tried), str(one.succeeded), str(one.improved))
    return table


def _scores(found: SearchReport) -> str:
    if found.initial is None or found.best is None:
        return "–"
    first, best = in_digits(found.initial.score), in_digits(found.best.score)
    return f"{first} at first, {best} at best (candidate {found.best.number})"


def candidates_table(rows: Sequence[CandidateReport]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in (("number", True), ("id", False), ("score", True), ("size", True),
                        ("parents", False), ("operator", False), ("", False)):  # fmt: skip
        table.add_column(name, justify="right" if right else "left")
    for one in rows:
        size = one.features.get("size")
        told = one.cause or ("best so far" if one.improved else one.placement)
        if one.reused is not None:
            told = f"the same program as {one.reused}"
        table.add_row(
            str(one.number),
            one.id[:8],
            in_digits(one.score),
            "" if size is None else f"{size:.0f}",
            " ".join(map(str, one.parents)),
            one.operators[-1] if one.operators else "",
            told,
        )
    return table


def candidate_lines(one: CandidateReport) -> Iterator[str]:
    """Of `evolve show` about a candidate."""
    yield f"candidate {one.number}  {one.id}"
    parents = ", ".join(map(str, one.parents)) or "none"
    yield f"parents      {parents}  (generation {one.generation})"
    yield f"operator     {one.operator}"
    if one.tried_first:
        yield f"tried first  {', '.join(one.tried_first)}: they gave nothing"
    if one.cause:
        yield f"failed       {one.cause}: {one.reason}"
    else:
        yield f"score        {in_digits(one.score)}"
    for name, value in {**one.metrics, **one.features}.items():
        yield f"  {name:<12} {in_digits(value)}"
    if one.placement:
        yield f"archive      {one.placement}"
    if one.reused is not None:
        yield f"program      the same as that of {one.reused}"
    if one.note:
        yield f"note         {one.note}"
