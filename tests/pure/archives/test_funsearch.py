"""The archive `funsearch`: clusters, temperature, length, resets."""

import random
from collections import Counter

from archive_support import entry

from evolve_ai.archives.funsearch import Funsearch
from evolve_ai.model.archive_settings import FunsearchOptions


def drawn(archive: Funsearch, times: int = 400) -> Counter[int]:
    found = (archive.ask(0, random.Random(at)) for at in range(times))
    return Counter(choice.parents[0] for choice in found)


def one_island(*values: float, **options: object) -> Funsearch:
    archive = Funsearch(FunsearchOptions.model_validate({"islands": 1, **options}))
    for number, value in enumerate(values):
        archive.tell(entry(number, value, signature=(value, 0.0)))
    return archive


def test_better_clusters_are_likelier_the_more_so_the_colder_it_is() -> None:
    hot = drawn(one_island(0.0, 500.0, 1000.0, temperature=100.0))
    cold = drawn(one_island(0.0, 500.0, 1000.0, temperature=0.05))
    # Of two parents the better one comes first: of three clusters the worst is never before.
    assert hot[1] > 60 and cold[2] == 400


def test_temperature_falls_and_begins_anew_after_a_period() -> None:
    archive = one_island(0.0, 1.0, period=10, temperature=1.0)
    temperatures = []
    for number in range(2, 13):
        temperatures.append(archive._temperature(archive._islands[0]))
        archive.tell(entry(number, 0.5, signature=(0.5,)))
    assert temperatures[:8] == sorted(temperatures[:8], reverse=True)
    assert temperatures[8] == 1.0


def test_shorter_programs_of_a_cluster_are_likelier() -> None:
    archive = Funsearch(FunsearchOptions(islands=1))
    for number, size in enumerate((1000.0, 10.0, 1000.0)):
        archive.tell(entry(number, 1.0, signature=(1.0,), features={"size": size}))
    found = drawn(archive)
    assert found[1] > 1.5 * max(found[0], found[2])


def test_longest_program_leaves_a_full_cluster() -> None:
    archive = Funsearch(FunsearchOptions(islands=1, size=2))
    kept = [
        archive.tell(entry(number, 1.0, features={"size": size})).kept
        for number, size in enumerate((30.0, 50.0, 40.0, 60.0, 30.0))
    ]
    assert kept == [True, True, True, False, True]
    assert set(archive.members()) == {0, 4}


def test_worst_cluster_leaves_a_full_island() -> None:
    archive = one_island(3.0, 1.0, 2.0, 0.0, clusters=2)
    assert archive.members() == (0, 2)


def test_stirred_islands_restart_the_worse_half_from_champions_of_the_better() -> None:
    archive = Funsearch(FunsearchOptions(islands=4))
    archive.tell(entry(0, 0.0, signature=(0.0,)))
    for number, value in enumerate((5.0, 1.0, 6.0, 2.0), start=1):
        archive.tell(entry(number, value, signature=(value,), island=number - 1))
    told = archive.stir(9, random.Random(1))
    assert told == "the worse islands (1, 3) begin anew from champions of the better ones"
    assert set(archive.members()) == {0, 1, 3}
    for number in (1, 3):
        assert archive.ask(number, random.Random(2)).parents[0] in (1, 3)
