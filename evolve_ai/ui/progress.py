"""Owns progress: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int, int, str], None]


@contextmanager
def bar(title: str, console: Console) -> Iterator[Advance]:
    """Yields advance(done, total, what). The bar is there only while something is under way."""
    if not console.is_terminal:
        yield lambda done, total, what: None
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task(title, total=None, visible=False)

    def advance(done: int, total: int, what: str) -> None:
        under_way = done < total
        progress.update(
            task, completed=done, total=total, description=f"{title} {what}", visible=under_way
        )

    with progress:
        yield advance
