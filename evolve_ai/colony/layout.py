"""How a population is divided into demes, and which colony has which deme."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.places import MOST_DEMES, deme_of
from evolve_ai.state.reader import Reader
from evolve_ai.system import machine
from evolve_ai.system.reserves import DESCRIPTORS_PER_AGENT, OWN_DESCRIPTORS

if TYPE_CHECKING:
    from evolve_ai.model.run_state import RunState
    from evolve_ai.model.settings import Settings

DEME = 500  # places of a deme, at least, where the settings leave the number of demes open
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
    def wanted(cls, settings: Settings, state: RunState) -> ColonyLayout:
        """The layout of the next run. Numbers that the settings leave open depend on the places,
        those of colonies also on this machine; a population keeps the demes that it began with.

        Raises SettingsError when there would be more colonies than demes.
        """
        places, has_begun = state.places or 0, state.epoch > 0
        demes = settings.demes or (state.demes if has_begun else demes_for(places))
        if settings.colonies > demes:
            raise SettingsError(
                f"colonies ({settings.colonies}) must not exceed demes ({demes}, since the "
                "settings say no number): a colony has one or more whole demes",
                where="evolve.toml",
                todo=f"set demes = {settings.colonies} or more, or colonies = 0",
            )
        useful = max(colonies_needed(places), min(machine.processors(), places // DEME))
        return cls(demes, settings.colonies or min(useful, demes))


def demes_for(places: int) -> int:
    """The largest power of two that gives each deme at least DEME places; at least 1, at most
    MOST_DEMES. So demes can be divided evenly, and history does not depend on the machine."""
    return min(MOST_DEMES, 1 << max(0, (places // DEME).bit_length() - 1))


def colonies_needed(agents: int) -> int:
    """How many processes are needed to have enough descriptors for so many agents."""
    return max(1, -(-agents // _room()))


def colonies_possible(settings: Settings, agents: int) -> int:
    """Into how many colonies so many agents can be divided. Where demes are open, their number
    grows with the agents: a colony that has room for one is enough for any population."""
    grows = MOST_DEMES if _room() >= 2 * DEME else demes_for(agents)
    return settings.colonies or settings.demes or grows


def _room() -> int:
    """How many agents the descriptors of one process suffice for."""
    return max(1, (machine.descriptors() - OWN_DESCRIPTORS) // DESCRIPTORS_PER_AGENT)
