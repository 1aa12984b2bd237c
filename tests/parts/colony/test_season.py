"""The ticks of a cycle with a crew of paper: in one go, and broken off and asked for again."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_crew import CRASH, PaperCrew

from evolve_ai.colony import season
from evolve_ai.colony.adoption import RESETTLED, TOLD, TURN
from evolve_ai.colony.diary import Diary
from evolve_ai.colony.pasts import Told
from evolve_ai.environments.ledger import Prices
from evolve_ai.environments.series import Series, Stretch
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Between, Change, Order, Turned, nothing
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Resident

PLACES = 8
FIRST = 10
VALUES = tuple(float(n % 5) for n in range(40))

residents = st.lists(
    st.builds(
        Resident,
        id=st.just(""),
        place=st.just(0),
        energy=st.integers(0, 100_000),
        load=st.floats(0.0, 2.0),
        lived_tick=st.integers(-1, FIRST - 1),
        running=st.sampled_from((True, True, False)),
    ),
    max_size=PLACES,
).map(lambda found: [replace(r, id=f"a{n}", place=n) for n, r in enumerate(found)])
orders = st.builds(
    Order,
    cycle=st.just(3),
    first_tick=st.just(FIRST),
    ticks=st.integers(1, 5),
    places=st.just(PLACES),
    residents=residents,
)
dooms = st.dictionaries(
    st.sampled_from([f"a{n}" for n in range(PLACES)]), st.integers(FIRST, FIRST + 4), max_size=5
)


def order_of(count: int = PLACES, ticks: int = 4, **more: object) -> Order:
    found = [Resident(f"a{n}", n, 50_000, 1.0, FIRST - 1, True) for n in range(count)]
    return Order(3, FIRST, ticks, PLACES, found, **more)  # type: ignore[arg-type]


def turned(crew: PaperCrew, order: Order, between: Between = nothing) -> Turned:
    world = Series(Stretch(VALUES), Prices.derived(EconomySettings()), PLACES, Draws(7))
    return season.turn(world, crew, order, between)  # type: ignore[arg-type]


@contextmanager
def crew_at(diary: Path, doomed: Mapping[str, int] | None = None) -> Iterator[PaperCrew]:
    crew = PaperCrew(diary, doomed)
    with closing(crew.diary):
        yield crew


def told_in(diary: Path) -> Sequence[list[object]]:
    with closing(Diary(diary)) as found:
        return found.entries


def asked_in(diary: Path) -> list[tuple[int, str]]:
    """Who was asked at which tick, as far as that was logged."""
    return [
        (entry[1], agent)  # type: ignore[misc]
        for entry in told_in(diary)
        if entry[0] == TURN
        for agent in [*entry[3], *entry[4]]  # type: ignore[misc]
    ]


class Judge:
    """Sets whoever has failed running again, without memory, between two ticks."""

    def __init__(self, order: Order, crew: PaperCrew):
        self._known = {resident.id: resident for resident in order.residents}
        self._crew = crew
        self.judged: list[str] = []

    def __call__(self, lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        self.judged += faults
        back = []
        for agent in faults:
            del self._crew.doomed[agent]
            back.append(replace(self._known[agent], lived_tick=-1))
        return Change(tuple(back), frozenset(faults))


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[PaperCrew]:
    with crew_at(tmp_path / "diary") as crew:
        yield crew


@given(orders, dooms, st.data())
def test_season_that_is_cut_off_anywhere_and_asked_for_again_ends_as_if_uncut(order, doomed, data):
    with tempfile.TemporaryDirectory() as folder:
        diary = Path(folder) / "diary"
        with crew_at(diary, doomed) as whole:
            uncut = turned(whole, order)
        written = diary.read_bytes()
        diary.write_bytes(written[: data.draw(st.integers(0, len(written)), "bytes left")])
        logged = asked_in(diary)
        with crew_at(diary, doomed) as rest:
            assert turned(rest, order) == uncut
        assert sorted(logged + rest.asked) == sorted(whole.asked)
        assert len(set(whole.asked)) == len(whole.asked)
        assert diary.read_bytes() == written


@given(orders, dooms, st.data())
def test_failure_is_judged_once_wherever_its_season_is_cut_off(order, doomed, data):
    with tempfile.TemporaryDirectory() as folder:
        diary = Path(folder) / "diary"
        with crew_at(diary, doomed) as whole:
            uncut = Judge(order, whole)
            turned(whole, order, uncut)
        written = diary.read_bytes()
        diary.write_bytes(written[: data.draw(st.integers(0, len(written)), "bytes left")])
        told, logged = told_in(diary), asked_in(diary)
        failed = [agent for entry in told if entry[0] == TURN for agent in entry[4]]
        judged = [agent for entry in told if entry[0] == RESETTLED for agent in entry[3]]
        with crew_at(diary, {a: tick for a, tick in doomed.items() if a not in judged}) as rest:
            rest.doomed |= {a: FIRST + order.ticks for a in failed if a not in judged}
            judge = Judge(order, rest)
            done = turned(rest, order, judge)
        asked = logged + rest.asked
        assert len(set(asked)) == len(asked), "somebody lived a tick twice"
        # Who failed just before the cut may be left to whoever judges the whole season.
        assert sorted(judged + judge.judged + [*done.faults]) == sorted(uncut.judged)
        assert done.faults.keys() <= set(failed)


def test_who_was_set_running_again_before_the_cut_is_asked_after_it(tmp_path: Path) -> None:
    order, diary = order_of(), tmp_path / "diary"
    with crew_at(diary, {"a0": 11}) as whole:
        uncut = turned(whole, order, Judge(order, whole))
    entries = told_in(diary)
    at = next(n for n, entry in enumerate(entries) if entry[0] == RESETTLED)
    with closing(Diary(diary)) as cut:
        cut.open("")
        cut.open(order.title)
        cut.write(entries[: at + 1])
    with crew_at(diary) as rest:
        assert turned(rest, order) == uncut
    assert rest.asked_of("a0") == [12, 13]


def test_what_was_told_of_a_past_before_the_cut_is_known_to_the_turn_under_way(
    tmp_path: Path,
) -> None:
    order, diary = order_of(), tmp_path / "diary"
    with crew_at(diary) as whole:
        uncut = turned(whole, order)
    assert all(one == Told() for one in whole.told)
    entries = told_in(diary)
    at = next(n for n, entry in enumerate(entries) if entry[0] == TURN)
    with closing(Diary(diary)) as cut:
        cut.open("")
        cut.open(order.title)
        cut.write([[TOLD, 9, {}], *entries[: at + 1], [TOLD, 3, {}], [TOLD, 2, {"a1": "flip"}]])
    with crew_at(diary) as rest:
        assert turned(rest, order) == uncut
    assert rest.told == [Told(2, {"a1": "flip"})] + [Told()] * (len(whole.told) - 2)


def test_who_fails_is_asked_no_more(crew: PaperCrew) -> None:
    crew.doomed = {"a0": 11}
    done = turned(crew, order_of())
    assert crew.asked_of("a0") == [10, 11]
    assert crew.asked_of("a1") == [10, 11, 12, 13]
    assert (done.faults, done.taints) == ({"a0": CRASH}, ("agent a0 at tick 11",))
    assert (done.season.lived["a0"], done.season.lived["a1"]) == (10, 13)


def test_new_genes_are_told_in_the_first_tick_only(crew: PaperCrew) -> None:
    offers = {"a0": [{"path": "src/genes/new.rs"}]}
    turned(crew, order_of(offers=offers))
    assert [told for _, told in crew.offers] == [offers] * 2 + [{}] * 6


def test_who_changes_between_two_ticks_is_asked_as_what_it_has_become(crew: PaperCrew) -> None:
    order = order_of()
    one, other, *others = order.residents
    told: list[tuple[int, int]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        told.append((len(lived), len(faults)))
        if len(told) != 3:
            return Change()
        return Change((replace(other, running=True), replace(one, running=False)), frozenset())

    order = replace(order, residents=[one, replace(other, running=False), *others])
    turned(crew, order, between)
    assert told == [(0, 0), (7, 0), (7, 0), (7, 0), (7, 0)]
    assert crew.asked_of(one.id) == [10, 11]
    assert crew.asked_of(other.id) == [12, 13]


def test_failure_that_nobody_judges_is_shown_again_after_each_tick(crew: PaperCrew) -> None:
    crew.doomed = {"a0": 11}
    seen: list[list[str]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        seen.append(list(faults))
        return Change()

    assert list(turned(crew, order_of(), between).faults) == ["a0"]
    assert seen == [[], [], ["a0"], ["a0"], ["a0"]]


def test_who_changes_before_the_first_tick_does_so_once_however_often_the_season_is_broken_off(
    tmp_path: Path,
) -> None:
    order, diary = order_of(), tmp_path / "diary"
    one, *others = order.residents
    order = replace(order, residents=[replace(one, running=False), *others])
    moments: list[str] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        moments.append("before" if not lived else "between")
        return Change() if lived else Change((one,), frozenset())

    with crew_at(diary) as first:
        whole = turned(first, order, between)
    assert first.asked_of(one.id) == [10, 11, 12, 13]
    assert moments == ["before", *["between"] * 4]
    entries = told_in(diary)
    for end in range(1, len(entries)):
        moments.clear()
        with closing(Diary(diary)) as cut:
            cut.open("")
            cut.open(order.title)
            cut.write(entries[:end])
        with crew_at(diary) as rest:
            assert turned(rest, order, between) == whole
        assert moments.count("before") == (end == 1), "only where the diary does not tell of it"


def test_who_is_judged_lives_on_in_the_same_season(crew: PaperCrew) -> None:
    crew.doomed = {"a0": 11}
    order = order_of()
    done = turned(crew, order, Judge(order, crew))
    assert crew.asked_of("a0") == [10, 11, 12, 13]
    assert (done.faults, done.season.lived["a0"]) == ({}, 13)


def test_season_of_another_cycle_is_not_gone_on_with(crew: PaperCrew) -> None:
    turned(crew, order_of())
    crew.asked.clear()
    turned(crew, replace(order_of(), cycle=4))
    assert len(crew.asked) == 32


def test_diary_that_tells_of_another_season_under_the_same_title_is_refused(
    tmp_path: Path,
) -> None:
    with crew_at(tmp_path / "diary") as first:
        turned(first, order_of())
    with crew_at(tmp_path / "diary") as second, pytest.raises(SettingsError) as refused:
        turned(second, replace(order_of(), first_tick=11))
    assert "asked at tick 10 (phase 0), where it would ask them at tick 11" in refused.value.what
    assert "put `environment` back" in str(refused.value)
