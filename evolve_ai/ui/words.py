"""Words in which the terminal tells of a population: numbers, colours, who is held up."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from evolve_ai.model.sandbox import Level

PAUSED = "time stands still; it goes on with: evolve resume"
SHOWN = 5  # ids of agents that are held up for the same reason
STYLES = {"running": "green", "waiting": "yellow", "quarantined": "red", "dead": "dim"}


class HeldUp(Protocol):
    """Who may be kept from running, and by what."""

    id: str
    reason: str | None


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def agents(count: int) -> str:
    return counted(count, "agent")


def counted(count: int, thing: str) -> str:
    """So many things, in the plural where these are more than one, or none."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def held_up(rows: Iterable[HeldUp]) -> Iterator[tuple[str, str]]:
    """Each reason, and whom it keeps from running; what holds up most of them comes first."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            alike.setdefault(row.reason, []).append(row.id)
    for reason, ids in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])):
        yield reason, whom(ids)


def whom(ids: Sequence[str]) -> str:
    """How many, and the beginnings of the first ones' names."""
    return f"{agents(len(ids))}: {first_of(ids)}"


def first_of(ids: Sequence[str]) -> str:
    """The beginnings of the first ones' names, and how many more there are."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(id[:13] for id in ids[:SHOWN]) + more


def energy(thousandths: int) -> str:
    return f"{thousandths / 1000:.1f}"


def sandbox_colour(line: str) -> str | None:
    if line.startswith(Level.NONE):
        return "red"
    return "yellow" if line.startswith(f"{Level.LANDLOCK}, ") else None
