"""Makes the lines of `evolve check`."""

from collections.abc import Iterator

from evolve_ai.model.search_report import CheckReport, NoiseReport
from evolve_ai.ui.search_text import in_digits
from evolve_ai.ui.words import counted

_LONGEST = 400  # characters of a line


def check_lines(told: CheckReport) -> Iterator[str]:
    initial, estimate = told.initial, told.estimate
    language = f" ({told.language})" if told.language else ""
    rows = [
        ("task", f"{told.task}, format {told.format}"),
        ("program", f"{', '.join(told.files)}{language}; {counted(told.fixed, 'other file')}"),
        ("goal", ", ".join(told.goals)),
        ("score", _score(told)),
        ("noise", noise_words(told.noise)),
        (
            "time",
            f"{estimate.seconds_each:.2g} s a candidate; {estimate.candidates} take about "
            f"{duration(estimate.seconds)} with {counted(estimate.slots, 'slot')}",
        ),
    ]
    for name, text in rows:
        yield f"{name:<8} {text}"
    for name, value in initial.metrics.items():
        yield f"  {name} = {in_digits(value)}"
    for name, text in initial.artifacts.items():
        if not initial.correct:
            yield f"  {name}:"
            yield from (f"    {shortened(line)}" for line in text.rstrip().splitlines()[-20:])
    for words in told.warnings:
        yield f"warning: {shortened(words)}"


def shortened(line: str) -> str:
    """A line for the screen: of a long one the beginning and how long it is."""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(line)} characters)"


def _score(told: CheckReport) -> str:
    if told.initial.correct:
        return in_digits(told.initial.score)
    scored = 0 if told.noise is None else len(told.noise.scores)
    some = f" in the first run, and one in {scored} others" if scored else ""
    return f"none{some}: {told.initial.cause}"


def noise_words(noise: NoiseReport | None) -> str:
    if noise is None:
        return "unknown"
    count = len(noise.scores)
    if noise.deterministic:
        return f"none: {count} runs of the same program gave the same score"
    drift = "; the later runs differ from the earlier ones" if noise.drifts else ""
    return (
        f"standard deviation {in_digits(noise.deviation)} in {count} runs; single scores must "
        f"differ by {in_digits(noise.smallest)} to mean something{drift}"
    )


def duration(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"
