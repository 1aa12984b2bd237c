"""Shows progress: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from evolve_ai.model.report import BuildProgress

Advance = Callable[[int, int, str], None]
WIDTH = 24


@contextmanager
def bar(title: str, console: Console) -> Iterator[Advance]:
    """Yields advance(done, total, words). The bar is visible only while work is under way."""
    if not console.is_terminal:
        yield lambda done, total, words: None
        return
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(WIDTH),
        TextColumn("{task.fields[words]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task(title, total=None, visible=False, words="")

    def advance(done: int, total: int, words: str) -> None:
        under_way = done < total
        if under_way and not progress.tasks[0].visible:
            progress.reset(task)  # so that the clock shows the time of this piece of work
        progress.update(task, completed=done, total=total, words=words, visible=under_way)

    with progress:
        yield advance


@contextmanager
def build_bar(console: Console) -> Iterator[Callable[[BuildProgress], None]]:
    """A bar for the units and wirings of a build, until its binary is there."""
    with bar("building", console) as advance:
        yield lambda news: advance(*of_build(news))


def of_build(news: BuildProgress) -> tuple[int, int, str]:
    """(done, total, words); the binary counts as one piece besides its units."""
    wirings = "1 wiring" if news.wirings == 1 else f"{news.wirings} wirings"
    total = news.units + 1
    done = total if news.over else news.units_done
    return done, total, f"units {news.units_done}/{news.units} · {wirings}"
