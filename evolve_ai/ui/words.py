"""Phrases for the terminal: numbers, colours, and the agents that a reason keeps from running."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from evolve_ai.model.sandbox import Level

PAUSED = "no ticks, births or deaths; to continue: evolve resume"
SHOWN = 5  # ids of agents to show for the same reason
STYLES = {"running": "green", "waiting": "yellow", "quarantined": "red", "dead": "dim"}


class HeldUp(Protocol):
    """An agent that may be kept from running, and the reason."""

    id: str
    reason: str | None


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def agents(count: int) -> str:
    return counted(count, "agent")


def counted(count: int, thing: str) -> str:
    """A number of things, in the plural unless it is one."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def held_up(rows: Iterable[HeldUp]) -> Iterator[tuple[str, str]]:
    """(reason, the agents that it keeps from running); the most frequent reason comes first."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            alike.setdefault(row.reason, []).append(row.id)
    for reason, ids in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])):
        yield reason, whom(ids)


def whom(ids: Sequence[str]) -> str:
    """How many agents, and the beginnings of the first ids."""
    return f"{agents(len(ids))}: {first_of(ids)}"


def first_of(ids: Sequence[str]) -> str:
    """The beginnings of the first ids, and how many more there are."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(id[:13] for id in ids[:SHOWN]) + more


def energy(thousandths: int) -> str:
    return f"{thousandths / 1000:.1f}"


def sandbox_colour(line: str) -> str | None:
    if line.startswith(Level.NONE):
        return "red"
    return "yellow" if line.startswith(f"{Level.LANDLOCK}, ") else None
