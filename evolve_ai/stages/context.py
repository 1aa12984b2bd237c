"""What every stage of a cycle is given beside the agents."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from evolve_ai.contracts.executor import Executor
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.model.draws import Draws
from evolve_ai.model.report import GenePool
from evolve_ai.model.restart import CYCLES, SECONDS, Line
from evolve_ai.model.settings import Settings
from evolve_ai.system.project import Project


def _go_on() -> None:
    """Nobody else has to be looked after."""


@dataclass(frozen=True, slots=True)
class Context:
    """The fixed surroundings of one cycle. Without a `clock` restarts are timed in cycles.

    What takes long in this very process calls `pause` every few milliseconds.
    """

    project: Project
    substrate: Substrate
    executor: Executor
    draws: Draws
    pool: GenePool
    cycle: int
    clock: Callable[[], float] | None = None  # seconds
    pause: Callable[[], None] = _go_on

    @property
    def settings(self) -> Settings:
        return self.project.settings

    @property
    def policy(self) -> str:
        """What verdicts on gene code are kept by."""
        return self.substrate.policy_hash(self.pool.manifests)

    @property
    def start_energy(self) -> int:
        """E0 in thousandths: the income of a founder in so many cycles."""
        settings = self.settings
        return int(settings.economy.start_cycles * max(1, settings.cycle.ticks) * 1000)

    @property
    def line(self) -> Line:
        return CYCLES if self.clock is None else SECONDS

    @property
    def now(self) -> float:
        """The time on that line; in lockstep it stands still for a whole cycle."""
        return self.cycle if self.clock is None else self.clock()


def hash_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 of names and contents."""
    return hash_of_hashes({path: hashlib.sha256(data).hexdigest() for path, data in files.items()})


def hash_of_hashes(files: Mapping[str, str]) -> str:
    """The same from the SHA-256 of each content."""
    rows = "".join(f"{path} {code}\n" for path, code in sorted(files.items()))
    return hashlib.sha256(rows.encode()).hexdigest()


def hashes_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each content, by path."""
    return {path: _sha256(data) for path, data in files.items()}


@lru_cache(maxsize=64)
def _sha256(data: bytes) -> str:
    """Remembered: those of the kernel are asked for in every look at an agent."""
    return hashlib.sha256(data).hexdigest()
