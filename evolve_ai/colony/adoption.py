"""Finds out which agents are still alive when a colony is taken over, and how the others ended."""

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

# The kinds of entries in an order log; the comment names the fields that follow the kind.
LEAVE = "leave"  # pids by agent: they are asked to leave
BYE = "bye"  # agent, the state that it left
CONDEMNED = "condemned"  # pid, cause, reason: it is about to be killed for this
GREETED = "greeted"  # pids: their hello has reached them, with their genome and memory
SETTLED = "settled"  # the residents of a season
TOLD = "told"  # rounds left, mutations: for a past that is sent in several frames
TURN = "turn"  # tick, phase, acts, faults, taints, pids of those at fault
RESETTLED = "resettled"  # tick, residents, agents whose failure was judged


@dataclass(frozen=True, slots=True)
class Found:
    """The latest lives of agents: `living` ones, ones that `ended` unasked, and strays."""

    living: Mapping[str, Life]
    ended: Mapping[str, Life]
    strays: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """What the previous orchestrator had recorded: the pids that it asked to leave, killed (with
    the cause), reported as failed, or greeted; and, by agent, the memories left behind."""

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
    """Compare the journal of a colony with the registry.

    `keeper` is the pid of the present keeper, `known` are the agents that may live here,
    `expected` are the pids on record.

    An agent may have another pid than the record says: a kill came after its start, before the
    commit. If that process was not even `greeted`, it has lived nothing and the content of its
    hello is lost, so it counts as a stray. An entry of the journal counts only if the process
    itself confirms it: agents can write to that file, and a forged entry must not make us
    signal a foreign process.
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
    """The living processes of these agents that the keeper of this colony started, whatever their
    working folder or process name is by now."""
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
    """True for a child of the keeper or, if that is dead, a process in its agent's folder."""
    if _is_child(identity, keeper):
        return True
    return start is not None and identity.lives() and stands_in(identity.pid, start.folder)


def _without_record(start: Start, pid: int) -> Identity | None:
    """The process with this pid if it is this agent, for agents whose journal was lost."""
    found = identify(pid)
    named = name_of(pid) == f"agent-{start.id}"
    ours = named and found is not None and found.lives() and stands_in(pid, start.folder)
    return found if ours else None
