"""What pruning the registry took away, with --json as it stands here."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pruned:
    """Counts of what is gone. `bytes_before` and `bytes_after` are those of the registry's file."""

    agents: int = 0
    genomes: int = 0
    samples: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.agents or self.genomes or self.samples)

    def to_map(self) -> dict[str, Any]:
        return asdict(self)
