"""Reads the journal of a keeper: which processes it started, and how they ended.

The format is described at the head of evolve_ai/keeper/src/journal.rs. After a power cut a journal
may end in half a line or contain garbage: unreadable lines are counted and skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity

NAME = "journal"
_TITLE = ["evolve-keeper", "1"]


@dataclass(frozen=True, slots=True)
class Life:
    """One process of an agent. `exit` is None if the journal records no end.

    `note` is what the client passed at its start ("" if that line is lost).
    """

    id: str
    note: str
    identity: Identity
    exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """The last life of each agent, earlier lives without a recorded end, and the offset in bytes
    after the last whole line."""

    lives: Mapping[str, Life] = field(default_factory=dict)
    others: tuple[Life, ...] = ()
    end: int = 0
    damaged: int = 0


def read(path: Path) -> Journal:
    """Read a journal; a missing or unreadable file gives an empty one."""
    try:
        data = path.read_bytes()
    except OSError:
        return Journal()
    end = data.rfind(b"\n") + 1
    head, *lines = data[:end].splitlines() or [b""]
    title = head.decode("ascii", "replace").split()
    if title[:2] != _TITLE or len(title) != 3:
        return Journal(end=end, damaged=len(lines) + bool(head))
    story = _Story(title[2])
    damaged = sum(not story.goes_on(line) for line in lines)
    lives = {id: lives[-1] for id, lives in story.lives.items()}
    others = tuple(
        life for lives in story.lives.values() for life in lives[:-1] if life.exit is None
    )
    return Journal(MappingProxyType(lives), others, end, damaged)


class _Story:
    """The lives of each agent in the order of their starts, as far as the journal is read."""

    def __init__(self, boot_id: str):
        self._boot_id = boot_id
        self.lives: dict[str, list[Life]] = {}

    def goes_on(self, line: bytes) -> bool:
        """Apply one more line; False when it is unreadable."""
        try:
            words = line.decode().split(" ")
            match words:
                case ["S", id, note, pid, start]:
                    life = Life(id, note, self._identity(pid, start))
                    self.lives.setdefault(id, []).append(life)
                case ["F", id, note, errno]:
                    int(errno)
                    self._take_back(id, note)
                case ["E", id, pid, start, kind, number]:
                    self._end(id, self._identity(pid, start), _exit(kind, int(number)))
                case _:
                    return False
        except ValueError:
            return False
        return True

    def _identity(self, pid: str, start: str) -> Identity:
        return Identity(int(pid), int(start), self._boot_id)

    def _take_back(self, id: str, note: str) -> None:
        """Remove the latest life of an agent: its program was never executed."""
        lives = self.lives.get(id)
        if lives and lives[-1].note == note and lives[-1].exit is None:
            lives[-1] = replace(lives[-1], exit=Exit())

    def _end(self, id: str, identity: Identity, exit: Exit) -> None:
        lives = self.lives.setdefault(id, [])
        for index, life in enumerate(lives):
            if life.identity == identity:
                lives[index] = replace(life, exit=exit)
                return
        # The line of its start is lost, so it began before all other lives of this agent.
        lives.insert(0, Life(id, "", identity, exit))


def _exit(kind: str, number: int) -> Exit:
    if kind == "exit":
        return Exit(code=number)
    if kind == "signal":
        return Exit(signal=number)
    raise ValueError(kind)
