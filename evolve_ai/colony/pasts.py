"""Splits a percept into frames: a long past is sent in several frames before the tick itself.

The contract is in docs/agent-protocol.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgpack import packb

from evolve_ai.model.colony import Pool
from evolve_ai.model.frame import MAX_BODY, MAX_STEPS_OF_FRAME
from evolve_ai.model.world import Act, Percept

_KEYS = 512  # bytes of a percept besides steps, neighbours and pool
_NUMBER = 9  # bytes of an encoded number, at most


@dataclass(frozen=True, slots=True)
class PastsTold:
    """How much of the pasts of a tick was sent before a kill: all rounds but the last `left`; and
    the mutations that agents reported meanwhile (the operator, by agent)."""

    left: int | None = None
    mutated: Mapping[str, str] = field(default_factory=dict)

    def knows(self, left: int) -> bool:
        return self.left is not None and left >= self.left


def cut(
    percepts: Mapping[str, Percept], pools: Mapping[str, Pool]
) -> tuple[Mapping[int, Mapping[str, Percept]], Mapping[str, Percept]]:
    """(percepts of the early rounds, by the number of rounds left with it; the last percepts)."""
    if not any(len(one.steps) > MAX_STEPS_OF_FRAME or id in pools for id, one in percepts.items()):
        return {}, percepts
    rounds: dict[int, dict[str, Percept]] = {}
    last: dict[str, Percept] = {}
    # Keyed by id(), since most agents get the same steps; `percepts` keeps those objects alive.
    known: dict[tuple[int, int], tuple[list[tuple[float, ...]], tuple[float, ...]]] = {}
    sizes: dict[int, int] = {}
    for id, percept in percepts.items():
        room = _room(percept, pools.get(id), sizes)
        key = (room, _identity(percept))
        if key not in known:
            known[key] = _cut(percept.steps, room)
        before, newest = known[key]
        for left, steps in enumerate(reversed(before), 1):
            rounds.setdefault(left, {})[id] = Percept(steps, (), percept.energy)
        last[id] = Percept(newest, percept.heard, percept.energy) if before else percept
    return dict(sorted(rounds.items(), reverse=True)), last


def _identity(percept: Percept) -> int:
    return id(percept.steps)


def _room(percept: Percept, pool: Pool | None, sizes: dict[int, int]) -> int:
    """How many steps fit into the last frame."""
    size = 0
    if pool is not None:
        if id(pool) not in sizes:
            sizes[id(pool)] = len(packb(list(pool)))
        size = sizes[id(pool)]
    free = MAX_BODY - _KEYS - size - _NUMBER * len(percept.heard)
    return max(1, min(MAX_STEPS_OF_FRAME, free // _NUMBER))


def _cut(steps: tuple[float, ...], room: int) -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
    early = steps[: max(0, len(steps) - room)]
    newest = steps[len(early) :] if early else steps
    starts = range(0, len(early), MAX_STEPS_OF_FRAME)
    return [early[at : at + MAX_STEPS_OF_FRAME] for at in starts], newest


def with_mutations(acts: Mapping[str, Act], mutated: Mapping[str, str]) -> dict[str, Act]:
    """The acts of a tick, completed by mutations that were reported during an earlier round."""
    found = dict(acts)
    for id, operator in mutated.items():
        act = found.get(id)
        if act is not None and act.mutated is None:
            found[id] = Act(act.answers, act.say, act.give, act.rest, act.fitness, operator)
    return found
