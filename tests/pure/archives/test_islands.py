"""The archive `islands`: who lives where, migration, restarts."""

import random

import pytest
from archive_support import entry

from evolve_ai.archives.islands import Islands
from evolve_ai.model.archive_settings import IslandsOptions


def homes(islands: Islands) -> list[set[int]]:
    return [{number for number, *_ in kept} for kept in islands.state()["islands"]]


def settled(**options: object) -> Islands:
    islands = Islands(IslandsOptions.model_validate({"islands": 4, "size": 4, **options}))
    islands.tell(entry(0, 0.0))
    return islands


def test_first_entry_settles_everywhere_and_children_where_their_parents_live() -> None:
    islands = settled()
    for number in range(1, 5):
        choice = islands.ask(number, random.Random(1))
        assert (choice.parents, choice.island) == ((0,), number % 4)
        assert islands.tell(entry(number, 1.0, island=choice.island)).where.startswith("island ")
    assert homes(islands) == [{0, 4}, {0, 1}, {0, 2}, {0, 3}]


@pytest.mark.parametrize(
    ("topology", "there"),
    [("ring", [False, False, True, False]), ("full", [True, False, True, True])],
)
def test_migrants_go_to_the_next_island_or_to_all(topology: str, there: list[bool]) -> None:
    islands = settled(topology=topology, every=3, rate=1.0)
    islands.tell(entry(9, 5.0, island=1))
    islands.tell(entry(10, 6.0, island=1))
    found = homes(islands)
    assert found == [{0}, {0, 9, 10}, {0}, {0}]
    islands.tell(entry(11, 7.0, island=1))
    found = homes(islands)
    assert [{9, 10, 11} <= one for one in found] == [there[0], True, *there[2:]]


def test_random_topology_draws_one_other_island() -> None:
    seen = set()
    for seed in range(30):
        islands = Islands(IslandsOptions(islands=3, every=1, rate=1.0, topology="random"), seed)
        islands.tell(entry(0, 0.0))
        islands.tell(entry(1, 1.0, island=1))
        found = [at for at, home in enumerate(homes(islands)) if 1 in home]
        assert len(found) == 2
        seen.add(tuple(found))
    assert seen == {(0, 1), (1, 2)}


def test_rate_is_the_chance_of_each_member() -> None:
    islands = Islands(IslandsOptions(islands=2, size=400, every=401, rate=0.25))
    for number in range(401):
        islands.tell(entry(number, float(number)))
    assert 70 < len(homes(islands)[1]) < 130


def test_stirred_islands_restart_the_worst_from_the_champion_of_the_best() -> None:
    islands = settled()
    for number, value in enumerate((5.0, 3.0, 1.0, 4.0), start=1):
        islands.tell(entry(number, value, island=number - 1))
    assert islands.stir(9, random.Random(1)) == "island 2 begins anew from candidate 1"
    assert homes(islands) == [{0, 1}, {0, 2}, {1}, {0, 4}]


def test_worst_island_restarts_by_itself_every_so_often() -> None:
    islands = settled(restart_every=4, every=1000)
    for number, value in enumerate((5.0, 3.0, 1.0, 4.0), start=1):
        islands.tell(entry(number, value, island=number - 1))
    assert homes(islands) == [{0, 1}, {0, 2}, {0, 3}, {1, 4}]
