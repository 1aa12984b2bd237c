"""The ticks of a cycle with a supervisor of paper: in one go, or broken off and asked for again."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_supervisor import CRASH, PaperSupervisor

from evolve_ai.colony import season
from evolve_ai.colony.adoption import RESETTLED, TOLD, TURN
from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.pasts import PastsTold
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


def turned(supervisor: PaperSupervisor, order: Order, between: Between = nothing) -> Turned:
    world = Series(Stretch(VALUES), Prices.derived(EconomySettings()), PLACES, Draws(7))
    return season.turn(world, supervisor, order, between)  # type: ignore[arg-type]


@contextmanager
def supervisor_at(
    order_log: Path, doomed: Mapping[str, int] | None = None
) -> Iterator[PaperSupervisor]:
    supervisor = PaperSupervisor(order_log, doomed)
    with closing(supervisor.order_log):
        yield supervisor


def told_in(order_log: Path) -> Sequence[list[object]]:
    with closing(OrderLog(order_log)) as found:
        return found.entries


def asked_in(order_log: Path) -> list[tuple[int, str]]:
    """Who was asked at which tick, as far as that was logged."""
    return [
        (entry[1], agent)  # type: ignore[misc]
        for entry in told_in(order_log)
        if entry[0] == TURN
        for agent in [*entry[3], *entry[4]]  # type: ignore[misc]
    ]


class Judge:
    """Sets whoever has failed running again, without memory, between two ticks."""

    def __init__(self, order: Order, supervisor: PaperSupervisor):
        self._known = {resident.id: resident for resident in order.residents}
        self._supervisor = supervisor
        self.judged: list[str] = []

    def __call__(self, lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        self.judged += faults
        back = []
        for agent in faults:
            del self._supervisor.doomed[agent]
            back.append(replace(self._known[agent], lived_tick=-1))
        return Change(tuple(back), frozenset(faults))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[PaperSupervisor]:
    with supervisor_at(tmp_path / "order_log") as supervisor:
        yield supervisor


@given(orders, dooms, st.data())
def test_season_that_is_cut_off_anywhere_and_asked_for_again_ends_as_if_uncut(order, doomed, data):
    with tempfile.TemporaryDirectory() as folder:
        order_log = Path(folder) / "order_log"
        with supervisor_at(order_log, doomed) as whole:
            uncut = turned(whole, order)
        written = order_log.read_bytes()
        order_log.write_bytes(written[: data.draw(st.integers(0, len(written)), "bytes left")])
        logged = asked_in(order_log)
        with supervisor_at(order_log, doomed) as rest:
            assert turned(rest, order) == uncut
        assert sorted(logged + rest.asked) == sorted(whole.asked)
        assert len(set(whole.asked)) == len(whole.asked)
        assert order_log.read_bytes() == written


@given(orders, dooms, st.data())
def test_failure_is_judged_once_wherever_its_season_is_cut_off(order, doomed, data):
    with tempfile.TemporaryDirectory() as folder:
        order_log = Path(folder) / "order_log"
        with supervisor_at(order_log, doomed) as whole:
            uncut = Judge(order, whole)
            turned(whole, order, uncut)
        written = order_log.read_bytes()
        order_log.write_bytes(written[: data.draw(st.integers(0, len(written)), "bytes left")])
        told, logged = told_in(order_log), asked_in(order_log)
        failed = [agent for entry in told if entry[0] == TURN for agent in entry[4]]
        judged = [agent for entry in told if entry[0] == RESETTLED for agent in entry[3]]
        with supervisor_at(
            order_log, {a: tick for a, tick in doomed.items() if a not in judged}
        ) as rest:
            rest.doomed |= {a: FIRST + order.ticks for a in failed if a not in judged}
            judge = Judge(order, rest)
            done = turned(rest, order, judge)
        asked = logged + rest.asked
        assert len(set(asked)) == len(asked), "somebody lived a tick twice"
        # Who failed just before the cut may be left to whoever judges the whole season.
        assert sorted(judged + judge.judged + [*done.faults]) == sorted(uncut.judged)
        assert done.faults.keys() <= set(failed)


def test_who_was_set_running_again_before_the_cut_is_asked_after_it(tmp_path: Path) -> None:
    order, order_log = order_of(), tmp_path / "order_log"
    with supervisor_at(order_log, {"a0": 11}) as whole:
        uncut = turned(whole, order, Judge(order, whole))
    entries = told_in(order_log)
    at = next(n for n, entry in enumerate(entries) if entry[0] == RESETTLED)
    with closing(OrderLog(order_log)) as cut:
        cut.open("")
        cut.open(order.title)
        cut.write(entries[: at + 1])
    with supervisor_at(order_log) as rest:
        assert turned(rest, order) == uncut
    assert rest.asked_of("a0") == [12, 13]


def test_what_was_told_of_a_past_before_the_cut_is_known_to_the_turn_under_way(
    tmp_path: Path,
) -> None:
    order, order_log = order_of(), tmp_path / "order_log"
    with supervisor_at(order_log) as whole:
        uncut = turned(whole, order)
    assert all(one == PastsTold() for one in whole.told)
    entries = told_in(order_log)
    at = next(n for n, entry in enumerate(entries) if entry[0] == TURN)
    with closing(OrderLog(order_log)) as cut:
        cut.open("")
        cut.open(order.title)
        cut.write([[TOLD, 9, {}], *entries[: at + 1], [TOLD, 3, {}], [TOLD, 2, {"a1": "flip"}]])
    with supervisor_at(order_log) as rest:
        assert turned(rest, order) == uncut
    assert rest.told == [PastsTold(2, {"a1": "flip"})] + [PastsTold()] * (len(whole.told) - 2)


def test_who_fails_is_asked_no_more(supervisor: PaperSupervisor) -> None:
    supervisor.doomed = {"a0": 11}
    done = turned(supervisor, order_of())
    assert supervisor.asked_of("a0") == [10, 11]
    assert supervisor.asked_of("a1") == [10, 11, 12, 13]
    assert (done.faults, done.taints) == ({"a0": CRASH}, ("agent a0 at tick 11",))
    assert (done.season.lived["a0"], done.season.lived["a1"]) == (10, 13)


def test_new_genes_are_told_in_the_first_tick_only(supervisor: PaperSupervisor) -> None:
    offers = {"a0": [{"path": "src/genes/new.rs"}]}
    turned(supervisor, order_of(offers=offers))
    assert [told for _, told in supervisor.offers] == [offers] * 2 + [{}] * 6


def test_who_changes_between_two_ticks_is_asked_as_what_it_has_become(
    supervisor: PaperSupervisor,
) -> None:
    order = order_of()
    one, other, *others = order.residents
    told: list[tuple[int, int]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        told.append((len(lived), len(faults)))
        if len(told) != 3:
            return Change()
        return Change((replace(other, running=True), replace(one, running=False)), frozenset())

    order = replace(order, residents=[one, replace(other, running=False), *others])
    turned(supervisor, order, between)
    assert told == [(0, 0), (7, 0), (7, 0), (7, 0), (7, 0)]
    assert supervisor.asked_of(one.id) == [10, 11]
    assert supervisor.asked_of(other.id) == [12, 13]


def test_failure_that_nobody_judges_is_shown_again_after_each_tick(
    supervisor: PaperSupervisor,
) -> None:
    supervisor.doomed = {"a0": 11}
    seen: list[list[str]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        seen.append(list(faults))
        return Change()

    assert list(turned(supervisor, order_of(), between).faults) == ["a0"]
    assert seen == [[], [], ["a0"], ["a0"], ["a0"]]


def test_who_changes_before_the_first_tick_does_so_once_however_often_the_season_is_broken_off(
    tmp_path: Path,
) -> None:
    order, order_log = order_of(), tmp_path / "order_log"
    one, *others = order.residents
    order = replace(order, residents=[replace(one, running=False), *others])
    moments: list[str] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        moments.append("before" if not lived else "between")
        return Change() if lived else Change((one,), frozenset())

    with supervisor_at(order_log) as first:
        whole = turned(first, order, between)
    assert first.asked_of(one.id) == [10, 11, 12, 13]
    assert moments == ["before", *["between"] * 4]
    entries = told_in(order_log)
    for end in range(1, len(entries)):
        moments.clear()
        with closing(OrderLog(order_log)) as cut:
            cut.open("")
            cut.open(order.title)
            cut.write(entries[:end])
        with supervisor_at(order_log) as rest:
            assert turned(rest, order, between) == whole
        assert moments.count("before") == (end == 1), "only where the order log does not tell of it"


def test_who_is_judged_lives_on_in_the_same_season(supervisor: PaperSupervisor) -> None:
    supervisor.doomed = {"a0": 11}
    order = order_of()
    done = turned(supervisor, order, Judge(order, supervisor))
    assert supervisor.asked_of("a0") == [10, 11, 12, 13]
    assert (done.faults, done.season.lived["a0"]) == ({}, 13)


def test_season_of_another_cycle_is_not_gone_on_with(supervisor: PaperSupervisor) -> None:
    turned(supervisor, order_of())
    supervisor.asked.clear()
    turned(supervisor, replace(order_of(), cycle=4))
    assert len(supervisor.asked) == 32


def test_order_log_that_tells_of_another_season_under_the_same_title_is_refused(
    tmp_path: Path,
) -> None:
    with supervisor_at(tmp_path / "order_log") as first:
        turned(first, order_of())
    with supervisor_at(tmp_path / "order_log") as second, pytest.raises(SettingsError) as refused:
        turned(second, replace(order_of(), first_tick=11))
    assert "asked at tick 10 (phase 0), but it would ask them at tick 11" in refused.value.what
    assert "put `environment` back" in str(refused.value)
