"""Guards a selection policy of the user's own."""

import random
from typing import Any

from evolve_ai.guards import values
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.system.guard import Guard, WrongValueError, shown

_CAUSE = 64  # letters


class GuardedPolicy:
    """Satisfies contracts.selection.SelectionPolicy."""

    def __init__(self, guard: Guard, inner: Any):
        self._guard = guard
        self._inner = inner
        self.__qualname__ = guard.name

    def __call__(self, view: PopulationView, rng: random.Random) -> Verdicts:
        function = self._guard.name.rpartition(":")[2]
        return self._guard.call(
            function, lambda: self._inner(view, rng), lambda answer: _checked(answer, view)
        )


def _checked(answer: object, view: PopulationView) -> Verdicts:
    """The verdicts in plain types; who is not alive is found by natural_selection."""
    if not isinstance(answer, Verdicts):
        raise WrongValueError(f"returned {type(answer).__name__} instead of Verdicts")
    deaths = values.items(answer.deaths, "deaths", len(view.members))
    births = values.items(answer.births, "births", max(view.places, 1))
    return Verdicts(
        tuple(_death(pair) for pair in deaths), tuple(_parents(parents) for parents in births)
    )


def _death(pair: object) -> tuple[str, str]:
    agent, cause = _strings(pair, "deaths", (2,))
    return agent, values.text(cause, "the cause of a death", _CAUSE)


def _parents(parents: object) -> tuple[str, ...]:
    return _strings(parents, "births", (1, 2))


def _strings(value: object, what: str, lengths: tuple[int, ...]) -> tuple[str, ...]:
    fits = isinstance(value, tuple | list) and len(value) in lengths
    if fits and all(isinstance(one, str) for one in value):  # type: ignore[attr-defined]
        return tuple(values.text(one, what) for one in value)  # type: ignore[attr-defined]
    wanted = " or ".join(map(str, lengths))
    raise WrongValueError(f"returned {shown(value)} among {what}, a tuple of {wanted} strings")


def guarded_policy(guard: Guard, inner: Any) -> GuardedPolicy:
    """PluginError when it cannot be called."""
    guard.call("__call__", lambda: inner, lambda made: values.offers(made, ("__call__",), "itself"))
    return GuardedPolicy(guard, inner)
