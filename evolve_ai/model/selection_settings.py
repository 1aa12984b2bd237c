"""The options of the selection policies."""

from typing import Literal

from evolve_ai.model.setting import Section, member, setting


class EnergyOptions(Section):
    """Agents without energy die, rich ones breed: fitness counts through what the world pays."""

    name: Literal["energy"] = member("energy")


class TruncationOptions(Section):
    """The least fit die, the fitter part breeds (Mühlenbein and Schlierkamp-Voosen 1993)."""

    name: Literal["truncation"] = member("truncation")

    breeding_share: float = setting(
        0.5, "the fittest part of the living, which may breed", low=0.01, high=1.0
    )


class TournamentOptions(Section):
    """Small random groups: the best of one breeds, the worst dies (Goldberg and Deb 1991)."""

    name: Literal["tournament"] = member("tournament")

    size: int = setting(3, "agents in a tournament", unit="agents", low=1, high=1000)


class DriftOptions(Section):
    """Neutral drift, the control: as many births as deaths, at random (Kimura 1968)."""

    name: Literal["none"] = member("none")
