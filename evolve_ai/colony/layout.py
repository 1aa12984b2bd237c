"""How a population is divided into demes, and which colony has which deme."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve_ai.model.places import deme_of
from evolve_ai.state.reader import Reader
from evolve_ai.system import machine
from evolve_ai.system.reserves import DESCRIPTORS_PER_AGENT, OWN_DESCRIPTORS

if TYPE_CHECKING:
    from evolve_ai.model.settings import Settings

_FOLDER = "colony"


@dataclass(frozen=True, slots=True)
class ColonyLayout:
    """Deme d lives in colony d % colonies."""

    demes: int = 1
    colonies: int = 1

    def demes_of(self, colony: int) -> tuple[int, ...]:
        return tuple(range(colony, self.demes, self.colonies))

    def colony_of(self, place: int) -> int:
        return deme_of(place, self.demes) % self.colonies

    def folders(self, workspace: Path) -> tuple[Path, ...]:
        """The folder of each colony."""
        if self.colonies == 1:
            return (workspace / _FOLDER,)
        return tuple(workspace / f"{_FOLDER}-{number}" for number in range(self.colonies))

    @classmethod
    def of_last_run(cls, registry: Reader) -> ColonyLayout:
        state = registry.state
        return cls(state.demes, state.colonies)

    @classmethod
    def wanted(cls, settings: Settings, places: int) -> ColonyLayout:
        """The layout from the settings, or with as few colonies as descriptors allow."""
        few = min(colonies_needed(places), settings.demes)
        return cls(settings.demes, settings.colonies or few)


def colonies_needed(agents: int) -> int:
    """How many processes are needed to have enough descriptors for so many agents."""
    room = max(1, (machine.descriptors() - OWN_DESCRIPTORS) // DESCRIPTORS_PER_AGENT)
    return max(1, -(-agents // room))
