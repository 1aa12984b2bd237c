"""The world `series`: agents forecast the next value of a column of numbers.

The economy is described in docs/environments.md.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.environments.column import MINIMUM, SHIPPED, read_column
from evolve_ai.environments.csv_file import Form
from evolve_ai.environments.ledger import Ledger, Prices
from evolve_ai.model.draws import Draws
from evolve_ai.model.environment_settings import SeriesOptions
from evolve_ai.model.errors import SeriesError, SettingsError
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.told import Told
from evolve_ai.model.world import Account, Act, Percept, Resident, Season

SLOTS = (-3, -1, 1, 3)
_SILENCE = (None,) * len(SLOTS)
ERROR_CAP_SD = 3.0
WINDOW = 5  # seasons that count for the skill: one pass through the default series
MAIN = "skill"  # the score that is an agent's fitness


@dataclass(frozen=True, slots=True)
class Stretch:
    """Values of a series and how they are told. `cyclic`: after the last value comes the first.

    `first` is the index of the last value that is known at tick 0. `noise` is in standard
    deviations of the first `spread_of` values.
    """

    values: tuple[float, ...]
    cyclic: bool = True
    first: int = 0
    replay: int = 230
    noise: float = 0.0
    spread_of: int = 0

    def at(self, index: int) -> float:
        return self.values[index % len(self.values) if self.cyclic else index]

    def deviation(self) -> float:
        return statistics.pstdev(self.values[: self.spread_of or len(self.values)])


class Series:
    """At tick t the values up to index first + t are known; agents forecast the next one."""

    name = "series"
    phases = 2

    def __init__(self, stretch: Stretch, prices: Prices, places: int, draws: Draws):
        self._stretch = stretch
        self._prices = prices
        self._places = places
        self._draws = draws
        self._deviation = stretch.deviation()
        self._cap = ERROR_CAP_SD * self._deviation

    def persistence(self, ticks: int) -> float:
        """The mean error of "tomorrow is as today" in the first so many ticks."""
        return statistics.fmean(map(self._persistence, range(ticks)))

    def _persistence(self, tick: int) -> float:
        index = self._stretch.first + tick
        return min(abs(self._stretch.at(index) - self._stretch.at(index + 1)), self._cap)

    def move_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None:
        self._residents = {resident.id: resident for resident in residents}
        self._lived = {resident.id: resident.lived_tick for resident in residents}
        self._at_place = {resident.place: resident.id for resident in residents}
        self._ledger = Ledger(residents, self._prices, self._places, cycle, self._draws)
        self._persistences = dict.fromkeys(self._residents, 0.0)  # sums over the ticks answered
        self._own_errors = dict.fromkeys(self._residents, 0.0)
        self._tick = tick
        self._cycle = cycle
        self._seat()
        self._begin_tick()

    def resettle(self, residents: Sequence[Resident]) -> None:
        self._residents |= {resident.id: resident for resident in residents}
        self._lived |= {resident.id: resident.lived_tick for resident in residents}
        self._ledger.reprice(residents)
        self._seat()

    def _seat(self) -> None:
        """Note who is asked at even and at odd places, each with the places that it hears."""
        self._seats: tuple[list[tuple[str, list[int]]], ...] = ([], [])
        for agent, resident in self._residents.items():
            if resident.running:
                near = [(resident.place + slot) % self._places for slot in SLOTS]
                self._seats[resident.place % 2].append((agent, near))

    def _begin_tick(self) -> None:
        self._acts: dict[str, Act] = {}
        self._said: dict[int, float] = {}

    def percepts(self, phase: int) -> Mapping[str, Percept]:
        """Even places are asked first and odd places hear them; in the next tick vice versa."""
        latest = self._stretch.first + self._tick
        newest = (self._stretch.at(latest),)
        told: dict[int, tuple[float, ...]] = {}  # by last tick lived: most agents get the same
        before = self._tick - 1 if self._tick and not self._stretch.noise else None
        lived, energy, said = self._lived, self._ledger.energy, self._said.get
        asked = {}
        for agent, near in self._seats[(self._tick + phase) % 2]:
            steps = newest if lived[agent] == before else self._steps(agent, latest, told)
            heard = tuple(map(said, near)) if self._said else _SILENCE
            asked[agent] = Percept(steps, heard, energy[agent])
        return asked

    def _steps(
        self, agent: str, latest: int, told: dict[int, tuple[float, ...]]
    ) -> tuple[float, ...]:
        lived = self._lived[agent]
        if lived in told:
            return told[lived]
        oldest = latest - self._stretch.replay + 1
        if lived >= 0:
            oldest = max(oldest, self._stretch.first + lived + 1)
        indices = range(min(latest, max(oldest, 0)), latest + 1)
        steps = tuple(self._seen(agent, index) for index in indices)
        if not self._stretch.noise:
            told[lived] = steps
        return steps

    def _seen(self, agent: str, index: int) -> float:
        value = self._stretch.at(index)
        if not self._stretch.noise:
            return value
        blur = self._draws.rng("noise", index, agent).gauss(0.0, self._deviation)
        return value + self._stretch.noise * blur

    def hear(self, phase: int, acts: Mapping[str, Act]) -> None:
        self._acts.update(acts)
        self._lived.update(dict.fromkeys(acts, self._tick))
        if phase == 0:
            for agent, act in acts.items():
                if act.say is not None:
                    self._said[self._residents[agent].place] = act.say

    def end_tick(self) -> None:
        following = self._stretch.at(self._stretch.first + self._tick + 1)
        acts, cap = self._acts, self._cap
        errors = {
            agent: off if (off := abs(act.answers[-1] - following)) < cap else cap
            for agent, act in acts.items()
        }
        spoken = {
            agent: min(abs(act.say - following), cap)
            for agent, act in acts.items()
            if act.say is not None
        }
        self._score(errors)
        self._ledger.pay_tick(acts, errors, spoken)
        self._pass_gifts()
        self._tick += 1
        self._begin_tick()

    def _score(self, errors: Mapping[str, float]) -> None:
        persistence = self._persistence(self._tick)
        persistences, own = self._persistences, self._own_errors
        for agent, error in errors.items():
            persistences[agent] += persistence
            own[agent] += error

    def _pass_gifts(self) -> None:
        """Pass gifts in order of places: a gift may be given on, and speed must not matter."""
        givers = [
            (self._residents[a].place, a, act.give) for a, act in self._acts.items() if act.give
        ]
        for place, agent, gifts in sorted(givers):
            for slot, amount in gifts:
                if 0 <= slot < len(SLOTS):
                    taker = self._at_place.get((place + SLOTS[slot]) % self._places)
                    self._ledger.give(agent, taker, amount)

    def close(self) -> Season:
        accounts = {agent: self._scored(one) for agent, one in self._ledger.close().items()}
        return Season(self._tick, accounts, dict(self._lived), MAIN)

    def _scored(self, account: Account) -> Account:
        """Evidence is a pair of errors for each of the last seasons, oldest first."""
        persistence, own = self._persistences[account.id], self._own_errors[account.id]
        evidence = self._residents[account.id].evidence
        if persistence or own:
            evidence = (*evidence, persistence, own)[-2 * WINDOW :]
        scores = skill(evidence)
        if account.answered:
            scores |= {"error": own / account.answered}
        return replace(account, scores=scores, evidence=evidence)


def skill(evidence: Sequence[float]) -> dict[str, float]:
    """S = ΣP / (ΣP + ΣE): P are absolute errors of persistence ("tomorrow is as today"), E those of
    the agent. Persistence has 0.5, a perfect forecaster 1."""
    persistence = sum(evidence[0::2])
    total = persistence + sum(evidence[1::2])
    return {MAIN: persistence / total} if total > 0 else {}


@dataclass(frozen=True, slots=True)
class SeriesExam:
    """The held-out end of a series, which follows the part that agents lived through."""

    environment: Series
    ticks: int
    stretch: str
    baseline: tuple[str, Mapping[str, float]]


def _form(settings: SeriesOptions) -> Form:
    return Form(
        separator=settings.separator,
        decimal=settings.decimal,
        header=settings.header,
        comment=settings.comment,
        skip=settings.skip,
        unsorted=settings.unsorted,
    )


class SeriesWorld:
    """The series of the settings, split into a part to live through and a held-out part."""

    name = "series"

    def __init__(self, root: Path, settings: SeriesOptions, rules: EconomySettings, draws: Draws):
        file = root / settings.file if settings.file else SHIPPED
        self._values = read_column(file, settings.column, _form(settings))
        self._lived = len(self._values) - settings.held_out
        if self._lived < MINIMUM:
            raise SettingsError(
                f"held_out = {settings.held_out} leaves {self._lived} of {len(self._values)} "
                f"values to live through, at least {MINIMUM} are needed",
                where=root / "evolve.toml",
                todo="lower held_out in [environment]",
            )
        if max(self._values[: self._lived]) == min(self._values[: self._lived]):
            raise SeriesError(
                f"its first {self._lived} values are all the same; there is nothing to learn",
                where=file,
                todo="lower held_out in [environment], or take another series",
            )
        self._settings = settings
        self._rules = rules
        self._draws = draws

    def told(self) -> Told:
        """What agents are told during life, and what is held out."""
        file = self._settings.file or SHIPPED.name
        column = f", column {self._settings.column}" if self._settings.column else ""
        lived = self._lived
        return Told(self._values[:lived], self._values[lived:], f"{file}{column}")

    def open(self, places: int) -> Series:
        stretch = Stretch(
            self._values[: self._lived],
            replay=self._settings.replay,
            noise=self._settings.noise,
        )
        return Series(stretch, Prices.derived(self._rules), places, self._draws)

    def cost(self, load: float) -> int:
        return Prices.derived(self._rules).of(load)

    def exam(self, places: int) -> SeriesExam:
        stretch = Stretch(
            self._values,
            cyclic=False,
            first=self._lived - 1,
            replay=max(1, self._lived),
            noise=self._settings.noise,
            spread_of=self._lived,
        )
        environment = Series(stretch, Prices.derived(self._rules), places, self._draws)
        count = len(self._values)
        words = f"values {self._lived + 1} to {count} of {count}"
        ticks = count - self._lived
        error = environment.persistence(ticks)
        baseline = ("persistence", {MAIN: 0.5, "error": error})
        return SeriesExam(environment, ticks, words, baseline)
