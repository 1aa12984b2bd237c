"""Tests of the world `series`: half ticks, replay, noise, what is paid for what."""

from pathlib import Path

import pytest
from environment_support import (
    VALUES,
    live_tick,
    resident,
    season,
    series,
    settle,
    world,
)

from evolve_ai.environments.column import SHIPPED, read_column
from evolve_ai.environments.series import Stretch
from evolve_ai.model.errors import SeriesError, SettingsError
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Act

FOUR = [resident(place) for place in range(4)]


def act(answer: float = 0.0, **more: object) -> Act:
    return Act((answer,), **more)  # type: ignore[arg-type]


def test_even_places_answer_first_and_odd_ones_in_the_next_tick() -> None:
    environment = series()
    settle(environment, *FOUR)
    first, second = (live_tick(environment, {}) for _ in range(2))
    assert [sorted(told) for told in first] == [["agent-0", "agent-2"], ["agent-1", "agent-3"]]
    assert [sorted(told) for told in second] == [["agent-1", "agent-3"], ["agent-0", "agent-2"]]


def test_second_half_hears_the_first_in_the_same_tick() -> None:
    environment = series()
    settle(environment, *FOUR)
    says = {"agent-0": act(say=5.0), "agent-2": act(say=7.0), "agent-1": act(say=9.0)}
    first, second = live_tick(environment, says)
    assert first["agent-0"].heard == (None,) * 4
    # Neighbours of place 1 at -3, -1, +1 and +3 among four places: 2, 0, 2, 0.
    assert second["agent-1"].heard == (7.0, 5.0, 7.0, 5.0)


def test_nothing_is_heard_of_the_tick_before() -> None:
    environment = series()
    settle(environment, *FOUR)
    live_tick(environment, {r.id: act(say=1.0) for r in FOUR})
    first, _ = live_tick(environment, {})
    assert all(percept.heard == (None,) * 4 for percept in first.values())


def test_newcomer_is_told_the_past_and_others_only_what_is_new() -> None:
    environment = series(stretch=Stretch(VALUES, replay=5))
    settle(environment, resident(0, lived_tick=9), resident(2), resident(4, lived_tick=7), tick=10)
    told, _ = live_tick(environment, {})
    assert told["agent-0"].steps == VALUES[10:11]
    assert told["agent-2"].steps == VALUES[6:11]
    assert told["agent-4"].steps == VALUES[8:11]


def test_who_lost_its_memory_between_two_ticks_is_told_the_past_again() -> None:
    environment = series(stretch=Stretch(VALUES, replay=5))
    settle(environment, resident(0, lived_tick=9), resident(2, lived_tick=9), tick=10)
    live_tick(environment, {"agent-0": act(), "agent-2": act()})
    environment.resettle([resident(0, lived_tick=-1), resident(2, lived_tick=10)])
    _, told = live_tick(environment, {})
    assert told["agent-0"].steps == VALUES[7:12]
    assert told["agent-2"].steps == VALUES[11:12]


def test_replay_never_reaches_behind_the_beginning() -> None:
    environment = series(stretch=Stretch(VALUES, replay=230))
    settle(environment, resident(0), tick=2)
    assert environment.percepts(0)["agent-0"].steps == VALUES[:3]


def test_no_replay_still_tells_the_latest_value() -> None:
    environment = series(stretch=Stretch(VALUES, replay=0))
    settle(environment, resident(0), resident(2, lived_tick=3), tick=10)
    assert {p.steps for p in environment.percepts(0).values()} == {VALUES[10:11]}


def test_after_the_last_value_comes_the_first() -> None:
    environment = series(places=1)
    settle(environment, resident(0, lived_tick=38), tick=39)
    told = [live_tick(environment, {"agent-0": act(VALUES[0])}) for _ in range(2)]
    steps = [percept.steps for halves in told for half in halves for percept in half.values()]
    assert steps == [VALUES[39:], VALUES[:1]]
    assert environment.close().accounts["agent-0"].scores["error"] == pytest.approx(
        abs(VALUES[0] - VALUES[1]) / 2
    )


def test_noise_is_private_lasting_and_of_the_size_asked_for() -> None:
    stretch = Stretch(VALUES * 25, noise=0.5, replay=1000)
    environment = series(stretch=stretch)
    settle(environment, resident(0), resident(2), tick=998)
    one, other = (p.steps for p in environment.percepts(0).values())
    assert one != other
    again = series(stretch=stretch)
    settle(again, resident(0, lived_tick=997), tick=998)
    assert again.percepts(0)["agent-0"].steps == one[-1:]
    noise = [seen - true for seen, true in zip(one, stretch.values, strict=False)]
    spread = (sum(n * n for n in noise) / len(noise)) ** 0.5
    assert spread == pytest.approx(0.5 * stretch.deviation(), rel=0.1)


def test_noise_does_not_touch_what_answers_are_measured_by() -> None:
    environment = series(places=1, stretch=Stretch(VALUES, noise=5.0))
    settle(environment, resident(0))
    assert (
        season(environment, {"agent-0": act(VALUES[1])}).accounts["agent-0"].scores["error"] == 0.0
    )


def test_better_forecast_earns_more_and_equal_ones_the_same() -> None:
    environment = series()
    settle(environment, *FOUR)
    answers = [VALUES[1], VALUES[1] + 5, VALUES[1] - 5, VALUES[1] + 9]
    after = season(environment, {f"agent-{n}": act(a) for n, a in enumerate(answers)}).accounts
    best, one, other, worst = (after[f"agent-{n}"].energy for n in range(4))
    assert best > one == other > worst


def test_errors_are_capped_so_that_one_wild_answer_does_not_ruin_a_life() -> None:
    environment = series(places=1)
    settle(environment, resident(0))
    after = season(environment, {"agent-0": act(1e15)}).accounts["agent-0"]
    assert after.scores["error"] == pytest.approx(3 * Stretch(VALUES).deviation())


def test_good_words_earn_a_royalty_and_talking_costs() -> None:
    talkers = {"agent-0": act(say=VALUES[1]), "agent-1": act(say=1e6), "agent-2": act()}
    environment = series(rules=EconomySettings(royalty=0.5, talk_cost=0.1))
    settle(environment, *FOUR)
    after = season(environment, talkers).accounts
    assert after["agent-0"].energy > after["agent-1"].energy > after["agent-2"].energy
    assert (after["agent-0"].spoke, after["agent-2"].spoke) == (1, 0)


def test_gift_reaches_the_neighbour_in_that_slot() -> None:
    environment = series(places=8)
    settle(environment, *(resident(place) for place in range(8)))
    plain = season(environment, {"agent-0": act()}).accounts
    settle(environment, *(resident(place) for place in range(8)))
    gifts = ((0, 1), (1, 20), (2, 300), (3, 4000), (4, 5), (99, 5))
    after = season(environment, {"agent-0": act(give=gifts)}).accounts
    gained = {a: after[a].energy - plain[a].energy for a in after}
    assert (gained["agent-5"], gained["agent-7"], gained["agent-1"]) == (1, 20, 300)
    assert (gained["agent-3"], gained["agent-0"]) == (4000, -4321)
    assert after["agent-0"].given == 4321


def test_nobody_gives_more_than_it_has_nor_to_an_empty_place_nor_to_itself() -> None:
    environment = series(places=8)
    settle(environment, resident(0, energy=-4000), resident(1), resident(4))
    generous = tuple((slot, 10**9) for slot in range(4))
    after = season(environment, {r: act(give=generous) for r in ("agent-0", "agent-4")}).accounts
    assert after["agent-0"].given == 0
    assert after["agent-4"].given == after["agent-1"].energy - (10_000 - 850)
    assert after["agent-4"].energy == 0
    lone = series(places=1)
    settle(lone, resident(0))
    assert season(lone, {"agent-0": act(give=generous)}).accounts["agent-0"].given == 0


def test_gift_may_be_given_on_in_the_order_of_places() -> None:
    chain = {"agent-0": act(give=((2, 10**6),)), "agent-1": act(give=((2, 10**6),))}
    for order in (chain, dict(reversed(chain.items()))):
        environment = series(places=8)
        settle(environment, *(resident(place) for place in range(8)))
        environment.hear(0, order)
        environment.end_tick()
        after = environment.close().accounts
        assert (after["agent-0"].energy, after["agent-1"].energy) == (0, 0)


def test_mean_founder_pays_what_its_place_brings_in() -> None:
    environment = series(places=1)
    settle(environment, resident(0, load=1.0))
    assert season(environment, {"agent-0": act()}).accounts["agent-0"].energy == 10_000


def test_shipped_series_has_its_309_values_and_keeps_79_for_the_exam(tmp_path: Path) -> None:
    shipped = world(tmp_path)
    exam = shipped.exam(1)
    assert (exam.ticks, exam.stretch) == (79, "values 231 to 309 of 309")


def test_exam_begins_with_all_that_was_told_and_ends_with_the_last_value(tmp_path: Path) -> None:
    values = read_column(SHIPPED)
    exam = world(tmp_path).exam(1)
    settle(exam.environment, resident(0), cycle=0)
    assert exam.environment.percepts(0)["agent-0"].steps == values[:230]
    ticks = [{"agent-0": act(value)} for value in values[230:]]
    account = season(exam.environment, *ticks).accounts["agent-0"]
    assert account.answered == 79
    assert account.scores == {"skill": 1.0, "error": 0.0}
    name, scores = exam.baseline
    assert (name, scores["skill"]) == ("persistence", 0.5)
    assert scores["error"] == pytest.approx(account.evidence[0] / 79)


def test_held_out_stretch_is_never_told_while_agents_live(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("x\n" + "\n".join(map(str, range(60))))
    environment = world(tmp_path, file="data.csv", held_out=20).open(1)
    settle(environment, resident(0))
    told = set()
    for _ in range(200):
        for half in live_tick(environment, {"agent-0": act()}):
            told |= {value for percept in half.values() for value in percept.steps}
    assert told == set(map(float, range(40)))


def test_too_much_held_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="leaves 9 of 309"):
        world(tmp_path, held_out=300)


def test_constant_beginning_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x\n" + "1\n" * 40 + "2\n" * 20)
    with pytest.raises(SeriesError, match="first 40 values are all the same"):
        world(tmp_path, file="data.csv", held_out=20)


def test_skill_is_taken_over_the_last_five_seasons() -> None:
    evidence: tuple[float, ...] = ()
    skills = []
    for cycle in range(8):
        environment = series(places=1)
        settle(environment, resident(0, evidence=evidence), tick=cycle, cycle=cycle)
        account = season(environment, {"agent-0": act(VALUES[cycle])}).accounts["agent-0"]
        evidence = account.evidence
        skills.append(account.scores["skill"])
    assert len(evidence) == 10
    assert skills == pytest.approx([0.5] * 8)  # it says what persistence would
    environment = series(places=1)
    settle(environment, resident(0, evidence=evidence), tick=8)
    better = season(environment, {"agent-0": act(VALUES[9])}).accounts["agent-0"]
    assert better.evidence[:8] == evidence[2:]
    assert better.evidence[9] == 0.0
    persistence = sum(better.evidence[0::2])
    assert better.scores["skill"] == pytest.approx(
        persistence / (persistence + sum(better.evidence[1::2]))
    )


def test_who_answers_nothing_keeps_its_evidence_and_its_skill() -> None:
    environment = series(places=1)
    settle(environment, resident(0, evidence=(3.0, 1.0)))
    account = season(environment, {}).accounts["agent-0"]
    assert (account.evidence, account.scores) == ((3.0, 1.0), {"skill": 0.75})
    settle(environment, resident(0))
    assert season(environment, {}).accounts["agent-0"].scores == {}
