"""Cuts what a percept tells into frames: a long past is told in several, before the tick itself.

The contract is docs/agent-protocol.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgpack import packb

from evolve_ai.model.colony import Pool
from evolve_ai.model.frame import MAX_BODY, MAX_STEPS_OF_FRAME
from evolve_ai.model.world import Act, Percept

_KEYS = 512  # bytes of a percept that are neither steps nor neighbours nor pool
_NUMBER = 9  # bytes at most


@dataclass(frozen=True, slots=True)
class PastsTold:
    """How much of the pasts of a tick was told before a kill: all rounds but the last `left`,
    and what agents had changed in themselves in these, by operator."""

    left: int | None = None
    mutated: Mapping[str, str] = field(default_factory=dict)

    def knows(self, left: int) -> bool:
        return self.left is not None and left >= self.left


def cut(
    percepts: Mapping[str, Percept], pools: Mapping[str, Pool]
) -> tuple[Mapping[int, Mapping[str, Percept]], Mapping[str, Percept]]:
    """(what is told before, by how many rounds are left with it; what is told at last)."""
    if not any(len(one.steps) > MAX_STEPS_OF_FRAME or id in pools for id, one in percepts.items()):
        return {}, percepts
    rounds: dict[int, dict[str, Percept]] = {}
    last: dict[str, Percept] = {}
    # Keyed by identity, since most are told the same; a percept in here is held by `percepts`.
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
    """How many steps the last frame has room for."""
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
    """The acts of a tick; a change in the course of the past told before it is one of them."""
    found = dict(acts)
    for id, operator in mutated.items():
        act = found.get(id)
        if act is not None and act.mutated is None:
            found[id] = Act(act.answers, act.say, act.give, act.rest, act.fitness, operator)
    return found
