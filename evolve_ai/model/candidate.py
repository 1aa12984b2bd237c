"""A candidate: an individual whose genome maps each file that may change to a content hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from evolve_ai.model.trial import Fault, Score

Sources = Mapping[str, bytes]  # the files of a program that may change: relative path -> content


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def genome_of(sources: Sources) -> dict[str, str]:
    """Relative path -> SHA-256, in the order of paths."""
    return {path: hash_of(sources[path]) for path in sorted(sources)}


def program_digest(genome: Mapping[str, str]) -> str:
    """One SHA-256 for a program of several files."""
    text = "".join(f"{path}\0{code}\n" for path, code in sorted(genome.items()))
    return hash_of(text.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed program and what became of it. Number 0 is the initial program."""

    number: int
    id: str
    parents: tuple[int, ...]
    generation: int
    operators: tuple[str, ...]
    genome: Mapping[str, str]
    score: Score | None = None
    fault: Fault | None = None
    features: Mapping[str, float] = field(default_factory=dict)  # size, complexity, distance
    reused: int | None = None  # the number of an earlier candidate with the same program
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an archive gets to know of a candidate that has a score.

    `goals`: more is better. `features`: metrics of its score, and `size` (bytes), `complexity`
    (nodes of its syntax trees), `distance` (of edits, from the initial program). `shape`: hashes
    of the parts of its normalised syntax trees. `signature`: its scores by seed.
    """

    number: int
    goals: tuple[float, ...]
    features: Mapping[str, float] = field(default_factory=dict)
    shape: frozenset[int] = frozenset()
    signature: tuple[float, ...] = ()
    parents: tuple[int, ...] = ()
    island: int = 0  # of the choice that it was bred from
