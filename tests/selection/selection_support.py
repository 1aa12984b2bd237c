"""Owns populations for tests of selection policies."""

from hypothesis import strategies as st

from evolve_ai.model.selection import Member, PopulationView
from evolve_ai.model.selection_settings import TournamentOptions, TruncationOptions
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import Tournament
from evolve_ai.selection.truncation import Truncation

truncation, tournament = Truncation(TruncationOptions()), Tournament(TournamentOptions())
POLICIES = [energy, truncation, tournament, drift]


def candidate(number: int, **changes: object) -> Member:
    plain = {
        "id": f"agent-{number:04}",
        "energy": 1000,
        "fitness": 0.5,
        "age": 3,
        "generation": 0,
        "active_genes": 10,
        "running": True,
    }
    return Member(**{**plain, **changes})  # type: ignore[arg-type]


def view_of(*members: Member, **changes: object) -> PopulationView:
    plain = {
        "cycle": 1,
        "places": max(1, len(members)),
        "start_energy": 1000,
        "breeding_energy": 1500,
        "endowment": 750,
        "age_limit": 15,
        "turnover_floor": 0.1,
        "births_share": 0.15,
        "members": members,
    }
    return PopulationView(**{**plain, **changes})  # type: ignore[arg-type]


members = st.builds(
    candidate,
    number=st.integers(0, 9999),
    energy=st.integers(-(10**6), 10**6) | st.integers(-3, 3),
    fitness=st.none() | st.floats(0, 1),
    age=st.integers(0, 40),
    running=st.booleans(),
)


@st.composite
def views(draw: st.DrawFn) -> PopulationView:
    living = draw(st.lists(members, max_size=30, unique_by=lambda c: c.id))
    return view_of(
        *living,
        places=draw(st.integers(1, 40)),
        breeding_energy=draw(st.integers(1, 3000)),
        endowment=draw(st.integers(0, 3000)),
        age_limit=draw(st.integers(1, 30)),
        turnover_floor=draw(st.floats(0, 1)),
        births_share=draw(st.floats(0, 1)),
    )
