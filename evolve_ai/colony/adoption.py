"""Finds out who still lives when a colony is taken over, and how the others ended."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.colony import journal
from evolve_ai.colony.journal import Journal, Life
from evolve_ai.colony.order_log import Entry
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Start
from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity, boot_id, identify
from evolve_ai.system.listing import name_of, parent, stands_in

# What an order log tells of, and what follows in the entry.
LEAVE = "leave"  # pids by agent: they are asked to leave
BYE = "bye"  # agent, the state that it left
CONDEMNED = "condemned"  # pid, cause, reason: it is about to be killed for this
GREETED = "greeted"  # pids: their hello has reached them, with the genome and memory they live by
SETTLED = "settled"  # the residents of a season
TOLD = "told"  # rounds that were left, mutations: of a past that is told in several frames
TURN = "turn"  # tick, phase, acts, faults, taints, pids of those at fault
RESETTLED = "resettled"  # tick, residents, agents whose failure was judged


@dataclass(frozen=True, slots=True)
class Found:
    """The last lives of agents: those that go on, those that ended unasked, those of nobody."""

    living: Mapping[str, Life]
    ended: Mapping[str, Life]
    strays: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """Of whose end the one before us knew: whom it asked to leave, what they left behind, whom it
    killed and why, whose failure was told; and whom it had greeted. By pid, memories by agent."""

    left: frozenset[int]
    byes: Mapping[str, bytes | None]
    condemned: Mapping[int, Fault]
    told: frozenset[int]
    greeted: frozenset[int]


def past_of(order_log: Sequence[Entry]) -> Past:
    left: set[int] = set()
    told: set[int] = set()
    greeted: set[int] = set()
    byes: dict[str, bytes | None] = {}
    condemned: dict[int, Fault] = {}
    for kind, *rest in order_log:
        if kind == LEAVE:
            left.update(rest[0].values())
            byes |= dict.fromkeys(rest[0])
        elif kind == BYE:
            byes[rest[0]] = rest[1]
        elif kind == CONDEMNED:
            condemned[rest[0]] = Fault(Cause(rest[1]), rest[2])
        elif kind == GREETED:
            greeted.update(rest[0])
        elif kind == TURN:
            told.update(rest[5])
    return Past(frozenset(left), byes, condemned, frozenset(told), frozenset(greeted))


def found_in(
    journal: Journal,
    keeper: int,
    known: Mapping[str, Start],
    expected: Mapping[str, int],
    greeted: frozenset[int],
) -> Found:
    """`keeper` is the pid of the one that is there now, `known` are agents that may live here,
    `expected` the pids on record.

    An agent may live with another pid: it was started, and a kill came before that was recorded.
    Who was not even `greeted` then has lived nothing, and what its hello was to say nobody knows
    any more: it counts as a stray. What the journal says of a process is believed only if the
    process bears it out: agents can write there, and it must not lead us to a stranger.
    """
    living: dict[str, Life] = {}
    ended: dict[str, Life] = {}
    strays = [life.identity for life in journal.others if _is_child(life.identity, keeper)]
    for id, life in journal.lives.items():
        start, pid = known.get(id), life.identity.pid
        if life.exit is None and _is_ours(life.identity, keeper, start):
            if start is not None and (pid in greeted or pid == expected.get(id)):
                living[id] = life
            else:
                strays.append(life.identity)
        elif pid == expected.get(id):
            ended[id] = replace(life, exit=life.exit or Exit())
    for id, pid in expected.items():
        if id not in journal.lives:
            found = _without_record(known[id], pid)
            life = Life(id, "-", found or Identity(pid, 0, boot_id()), None if found else Exit())
            (living if found else ended)[id] = life
    return Found(living, ended, tuple(strays))


def kept_in(folder: Path, ids: Iterable[str]) -> Iterator[Identity]:
    """The processes of these agents that the keeper of this colony has started and still has,
    wherever they stand and whatever they call themselves by now."""
    lives = journal.read(folder / journal.NAME).lives
    for id in ids:
        life = lives.get(id)
        if life is not None and life.exit is None and life.identity.lives():
            keeper = parent(life.identity.pid)
            if keeper is not None and stands_in(keeper, folder):
                yield life.identity


def _is_child(identity: Identity, keeper: int) -> bool:
    return identity.lives() and parent(identity.pid) == keeper


def _is_ours(identity: Identity, keeper: int, start: Start | None) -> bool:
    """A child of the keeper, or, where that has died, a process that stands in its folder."""
    if _is_child(identity, keeper):
        return True
    return start is not None and identity.lives() and stands_in(identity.pid, start.folder)


def _without_record(start: Start, pid: int) -> Identity | None:
    """The agent that should have this pid, if the process there is it; its journal was lost."""
    found = identify(pid)
    named = name_of(pid) == f"agent-{start.id}"
    ours = named and found is not None and found.lives() and stands_in(pid, start.folder)
    return found if ours else None
