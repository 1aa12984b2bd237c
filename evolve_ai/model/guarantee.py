"""The sandbox of a run: the level in force, and the guarantees that were tested."""

from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.model.sandbox import Level, Protection

# What namespaces add to the boxes, in words for a sandbox without them.
SECOND_WALL = (
    "a second wall behind Landlock and seccomp: other files are out of sight, and agents have "
    "their own network, shared memory and host name"
)
# Protections that settings of a machine may prevent: a limit of core files that only root can
# raise, or which processes the kernel ends first. They are only reported; docs/security.md has
# remedies.
_TOLD_ONLY = frozenset({Protection.CRASHES, Protection.OOM})


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One promise of a sandbox; `how` says how it was tested, and with what result."""

    name: str
    held: bool
    how: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The level in force; `lost` says why it is below the one that was asked for.

    `keeper` is the program that makes boxes, `bwrap` the one that makes namespaces.
    """

    level: Level
    guarantees: tuple[Guarantee, ...] = ()
    lost: str = ""
    keeper: Path = field(default=Path(), compare=False)
    bwrap: Path | None = field(default=None, compare=False)

    @property
    def is_unsafe(self) -> bool:
        return self.level is Level.NONE

    @property
    def broken(self) -> tuple[Guarantee, ...]:
        return tuple(one for one in self.guarantees if not one.held)

    @property
    def opened(self) -> tuple[Guarantee, ...]:
        """The broken guarantees that prevent a run; the other ones do not let an agent out."""
        return tuple(one for one in self.broken if one.name not in _TOLD_ONLY)

    def __str__(self) -> str:
        """A line that begins with the level."""
        if self.is_unsafe:
            return "none: UNSAFE, agents and builds run without a box, with all your rights"
        if self.broken:
            told = "; ".join(f"{one.name} ({one.how})" for one in self.broken)
            return f"{self.level}: incomplete, these guarantees do not hold here: {told}"
        count = len(self.guarantees)
        if self.level is Level.FULL:
            return f"full: namespaces, a box for each agent and each build; {count} guarantees hold"
        if self.lost:
            return f"landlock, not full: {self.lost}; no longer guaranteed: {SECOND_WALL}"
        return f"landlock: a box for each agent and each build; {count} guarantees hold"


def level_told(text: str | None) -> Level | None:
    """The level with which a line begins."""
    word = (text or "").partition(":")[0].partition(",")[0]
    return Level(word) if word in set(Level) else None


UNTRIED = Sandbox(Level.LANDLOCK)
