"""Guards a world of the user's own: every call bounded, every answer checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from evolve_ai.contracts.environment import Environment, Examination, World
from evolve_ai.guards import values
from evolve_ai.model.told import Told
from evolve_ai.model.world import (
    MAX_EVIDENCE,
    MAX_HEARD,
    MAX_SCORES,
    MAX_STEPS,
    Account,
    Act,
    Percept,
    Resident,
    Season,
)
from evolve_ai.system.guard import Guard, WrongValueError, shown

_MOST_PHASES = 1000
_MOST_TICKS = 10_000_000
_MOST_VALUES = 10_000_000
_VERBS = ("move_in", "resettle", "percepts", "hear", "end_tick", "close")
Known = dict[int, tuple[object, tuple[float, ...]]]
_COUNTS = ("answered", "spoke", "given", "rested")


class GuardedEnvironment:
    """Satisfies contracts.environment.Environment. Residents and acts go in as copies."""

    def __init__(self, guard: Guard, inner: Any):
        self._guard = guard
        self._inner = inner
        self.name = guard.name
        self.phases = guard.call("phases", lambda: inner.phases, _phases)
        self._residents: dict[str, Resident] = {}
        self._tick = 0

    def move_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None:
        self._residents = {one.id: one for one in residents}
        self._tick = tick
        self._do("move_in", tuple(residents), tick, cycle)

    def resettle(self, residents: Sequence[Resident]) -> None:
        self._residents |= {one.id: one for one in residents}
        self._do("resettle", tuple(residents))

    def percepts(self, phase: int) -> Mapping[str, Percept]:
        return self._guard.call(
            "percepts", lambda: self._inner.percepts(phase), self._checked_percepts
        )

    def hear(self, phase: int, acts: Mapping[str, Act]) -> None:
        self._do("hear", phase, dict(acts))

    def end_tick(self) -> None:
        self._do("end_tick")
        self._tick += 1

    def close(self) -> Season:
        return self._guard.call("close", lambda: self._inner.close(), self._checked_season)

    def _do(self, verb: str, *arguments: Any) -> None:
        self._guard.call(verb, lambda: getattr(self._inner, verb)(*arguments), values.nothing)

    def _checked_percepts(self, answer: object) -> dict[str, Percept]:
        found = values.mapping(answer, "percepts")
        values.known(found, self._residents, "percepts")
        told: Known = {}
        return {agent: _percept(agent, one, told) for agent, one in found.items()}

    def _checked_season(self, answer: object) -> Season:
        season = values.instance(answer, Season, "the season")
        tick = values.integer(season.tick, "the tick of the season")
        if tick != self._tick:
            raise WrongValueError(f"ended at tick {tick}, after tick {self._tick} was settled")
        accounts = values.mapping(season.accounts, "accounts")
        values.known(accounts, self._residents, "accounts")
        for agent in self._residents:
            if agent not in accounts:
                raise WrongValueError(f"left {agent!r} out of its accounts, who lives here")
        lived = values.mapping(season.lived, "lived")
        values.known(lived, self._residents, "lived")
        return Season(
            tick,
            {agent: _account(agent, one) for agent, one in accounts.items()},
            {
                agent: values.integer(last, f"the last tick lived by {agent}", -1, max(tick, 0))
                for agent, last in lived.items()
            },
            values.text(season.main, "the name of the main score"),
        )


def _phases(value: object) -> int:
    return values.integer(value, "the number of phases", 1, _MOST_PHASES)


def _percept(agent: str, value: object, told: Known) -> Percept:
    """`told` are the steps that were looked at already, with what they came to."""
    percept = values.instance(value, Percept, f"the percept of {agent}")
    steps = percept.steps
    known = told.get(id(steps))
    if known is None:
        checked = tuple(
            values.number(one, f"step {at} of the percept of {agent}")
            for at, one in enumerate(values.items(steps, "steps", MAX_STEPS))
        )
        known = told[id(steps)] = (steps, checked)
    heard = tuple(
        values.number_or_none(one, f"what {agent} hears")
        for one in values.items(percept.heard, "things heard", MAX_HEARD)
    )
    energy = values.integer(percept.energy, f"the energy of {agent} in its percept")
    return Percept(known[1], heard, energy)


def _account(agent: str, value: object) -> Account:
    account = values.instance(value, Account, f"the account of {agent}")
    if account.id != agent:
        raise WrongValueError(f"has the account of {shown(account.id)} under {agent!r}")
    return Account(
        id=agent,
        energy=values.integer(account.energy, f"the energy of {agent}"),
        scores=_scores(agent, account.scores),
        evidence=tuple(
            values.number(one, f"the evidence of {agent}")
            for one in values.items(account.evidence, "numbers of evidence", MAX_EVIDENCE)
        ),
        **{
            name: values.integer(getattr(account, name), f"`{name}` of {agent}", 0)
            for name in _COUNTS
        },
    )


def _scores(agent: str, value: object) -> dict[str, float]:
    found = values.mapping(value, f"the scores of {agent}")
    if len(found) > MAX_SCORES:
        raise WrongValueError(f"gave {len(found)} scores to {agent}, {MAX_SCORES} at most")
    return {
        values.text(name, f"the name of a score of {agent}"): values.number(
            one, f"the score {name!r} of {agent}"
        )
        for name, one in found.items()
    }


class GuardedExamination:
    """Satisfies contracts.environment.Examination."""

    def __init__(self, guard: Guard, inner: Examination):
        self.environment: Environment = GuardedEnvironment(
            guard, guard.call("exam", lambda: inner.environment, _environment)
        )
        self.ticks = guard.call("exam", lambda: inner.ticks, _ticks)
        self.stretch = guard.call(
            "exam", lambda: inner.stretch, lambda told: values.text(told, "the stretch")
        )
        self.baseline = guard.call("exam", lambda: inner.baseline, _baseline)


def _baseline(value: object) -> tuple[str, dict[str, float]]:
    found = values.items(value, "parts of the baseline", 2)
    if len(found) != 2:
        raise WrongValueError("has a baseline that is no pair of a name and its scores")
    name = values.text(found[0], "the name of the baseline")
    return name, _scores(name, found[1])


def _ticks(value: object) -> int:
    return values.integer(value, "the ticks of the exam", 1, _MOST_TICKS)


def _told(value: object) -> Told:
    told: Told = values.instance(value, Told, "what it tells")
    return Told(
        _values(told.values),
        _values(told.held_out),
        values.text(told.source, "the source of its data"),
    )


def _values(found: object) -> tuple[float, ...]:
    return tuple(
        values.number(one, "a value of its data")
        for one in values.items(found, "values of its data", _MOST_VALUES)
    )


def _environment(value: object) -> Any:
    return values.offers(value, _VERBS, "an environment")


class GuardedWorld:
    """Satisfies contracts.environment.World."""

    def __init__(self, guard: Guard, inner: World):
        self._guard = guard
        self._inner = inner
        self.name = guard.name

    def open(self, places: int) -> GuardedEnvironment:
        inner = self._guard.call("open", lambda: self._inner.open(places), _environment)
        return GuardedEnvironment(self._guard, inner)

    def cost(self, load: float) -> int:
        return self._guard.call(
            "cost",
            lambda: self._inner.cost(load),
            lambda cost: values.integer(cost, "the cost of a tick"),
        )

    def told(self) -> Told | None:
        """What it says of its data; None for a world that says nothing of them."""
        if not callable(getattr(self._inner, "told", None)):
            return None
        inner: Any = self._inner
        return self._guard.call("told", lambda: inner.told(), _told)

    def exam(self, places: int) -> GuardedExamination | None:
        found = self._guard.call("exam", lambda: self._inner.exam(places), values.anything)
        return None if found is None else GuardedExamination(self._guard, found)  # type: ignore[arg-type]


def guarded_world(guard: Guard, inner: Any) -> GuardedWorld:
    """PluginError when it is no world at all."""
    guard.call(
        "__init__",
        lambda: inner,
        lambda made: values.offers(made, ("open", "cost", "exam"), "a world"),
    )
    return GuardedWorld(guard, inner)
