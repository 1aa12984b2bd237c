"""What a cell of the attack matrix is: an attack, what stops it, and how the world shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.sandbox import Protection

TREASURE = "treasury"  # eight bytes in the memory of each victim
Signature = tuple[object, ...]
SIZE = 5  # where the signature of a file has it


@dataclass
class Seen:
    """What the world shows of one attacker: its places by name, its process, what it said, whom it
    reached, and what became of its victim. Files are told by `before` and `after`."""

    id: str
    names: Mapping[str, str]
    secret: str
    log: str = ""
    log_bytes: int = 0
    held_bytes: int = 0  # on the disk, in files that it has open
    answered: bool = False
    fault: Fault | None = None
    descriptors: tuple[str, ...] = ()
    status: Mapping[str, str] = field(default_factory=dict)
    process: Mapping[str, str] = field(default_factory=dict)  # exe, root, user namespace, ...
    children: int = 0
    reached: frozenset[str] = frozenset()
    before: Mapping[str, Signature] = field(default_factory=dict)
    after: Mapping[str, Signature] = field(default_factory=dict)
    victim_log: str = ""
    victim_fault: Fault | None = None
    victim_answered: bool = False
    system_keys: str = ""  # /proc/keys and /proc/sysvipc/shm

    @property
    def ran(self) -> bool:
        return "begins: " in self.log


Evidence = Callable[[Seen], bool]


@dataclass(frozen=True)
class Cell:
    """`words` are the attack, with places in braces. `stopped_by` are all protections that stop it:
    with them lifted it succeeds, as `evidence` tells; empty where nothing that can be lifted does.

    `beside` are lifted in both runs, to look at one protection alone. `ends`: the cause of its end;
    None where it is refused and lives on. `only` "root" can attack like this, or "ordinary", whom
    root has something laid ready for. `by_machine`: not every machine offers what is attacked.
    """

    name: str
    words: str
    stopped_by: frozenset[Protection]
    evidence: Evidence
    ends: Cause | None = None
    beside: frozenset[Protection] = frozenset()
    only: str = ""
    threads: int = 1
    by_machine: bool = False

    @property
    def needs_victim(self) -> bool:
        return "{victim}" in self.words or "{victim_" in self.words


def made(place: str) -> Evidence:
    return lambda seen: seen.after[place] != ()


def gone(place: str) -> Evidence:
    return lambda seen: seen.after[place] == ()


def changed(*places: str) -> Evidence:
    return lambda seen: any(seen.before[place] != seen.after[place] for place in places)


def said_the_secret(seen: Seen) -> bool:
    return seen.secret in seen.log


def said(text: str) -> Evidence:
    return lambda seen: text in seen.log


def holds(kind: str) -> Evidence:
    return lambda seen: any(kind in one for one in seen.descriptors)


def reached(listener: str) -> Evidence:
    return lambda seen: listener in seen.reached


def victim_answered(seen: Seen) -> bool:
    return seen.victim_answered


def victim_ended(seen: Seen) -> bool:
    return seen.victim_fault is not None


def ended_from_outside(seen: Seen) -> bool:
    """As far as can be told: nobody ends itself so."""
    return seen.fault is not None and "SIGKILL" in seen.fault.reason


def victim_overwritten(seen: Seen) -> bool:
    return "treasure: attacked" in seen.victim_log


def victim_hindered(what: str) -> Evidence:
    return lambda seen: seen.before[what] != seen.after[what]


def status(key: str, fact: Callable[[str], bool]) -> Evidence:
    return lambda seen: key in seen.status and fact(seen.status[key])


def process(what: str, fact: Callable[[str], bool]) -> Evidence:
    return lambda seen: what in seen.process and fact(seen.process[what])


def kibibytes(more_than: int) -> Callable[[str], bool]:
    return lambda text: int(text.split()[0]) > more_than


def larger(place: str, most: int) -> Evidence:
    return lambda seen: seen.after[place] != () and seen.after[place][SIZE] > most  # type: ignore
