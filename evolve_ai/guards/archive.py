"""Guards an archive of the user's own: it may name only candidates that it keeps."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evolve_ai.guards import values
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry
from evolve_ai.model.family_settings import ARCHIVE
from evolve_ai.model.plugin_settings import PluginSettings
from evolve_ai.system.guard import Guard, WrongValueError, shown

VERBS = ("ask", "tell", "members", "stir", "state", "restore")  # what it must be able to do
_MOST_MEMBERS = 1_000_000
_MOST_RELATIVES = 64


def archive_guard(name: str, folder: Path) -> Guard:
    """The guard that calls an archive of this name, chosen by the task in this folder."""
    return Guard(ARCHIVE, name, PluginSettings().timeout, folder, "task.toml")


class GuardedArchive:
    """Satisfies contracts.archive.Archive."""

    def __init__(self, guard: Guard, inner: Any):
        self._guard = guard
        self._inner = inner
        self.name = guard.name
        self.uses_shape: bool = guard.call(
            "uses_shape", lambda: bool(getattr(inner, "uses_shape", True)), lambda it: it
        )

    def ask(self, number: int, rng: random.Random) -> Choice:
        members = frozenset(self.members())
        return self._guard.call(
            "ask", lambda: self._inner.ask(number, rng), lambda answer: _choice(answer, members)
        )

    def tell(self, entry: Entry) -> Placement:
        return self._guard.call("tell", lambda: self._inner.tell(entry), _placement)

    def members(self) -> tuple[int, ...]:
        return self._guard.call(
            "members", self._inner.members, lambda it: _numbers(it, "members", _MOST_MEMBERS)
        )

    def stir(self, number: int, rng: random.Random) -> str:
        return self._guard.call(
            "stir",
            lambda: self._inner.stir(number, rng),
            lambda it: values.text("" if it is None else it, "what it did", 1000),
        )

    def state(self) -> Mapping[str, Any]:
        return self._guard.call("state", self._inner.state, _plain)

    def restore(self, state: Mapping[str, Any]) -> None:
        self._guard.call("restore", lambda: self._inner.restore(state), values.nothing)


def _numbers(value: object, what: str, most: int) -> tuple[int, ...]:
    return tuple(values.integer(one, what, 0) for one in values.items(value, what, most))


def _choice(value: object, members: frozenset[int]) -> Choice:
    choice: Choice = values.instance(value, Choice, "a choice")
    parents = _numbers(choice.parents, "parents", _MOST_RELATIVES)
    inspirations = _numbers(choice.inspirations, "inspirations", _MOST_RELATIVES)
    if not parents:
        raise WrongValueError("named no parent, at least one is needed")
    for number in (*parents, *inspirations):
        if number not in members:
            raise WrongValueError(f"named candidate {number}, which is none of its members()")
    return Choice(parents, inspirations, values.integer(choice.island, "an island", 0))


def _placement(value: object) -> Placement:
    found: Placement = values.instance(value, Placement, "a placement")
    where = values.text(found.where, "a place", 200)
    return Placement(bool(found.kept), bool(found.improved), where)


def _plain(value: object) -> Mapping[str, Any]:
    """As it will be after a restart."""
    try:
        found = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        told = f"returned {shown(value)} as its state, which JSON cannot hold: {error}"
        raise WrongValueError(told) from error
    return values.mapping(found, "its state")


def guarded_archive(guard: Guard, inner: Any) -> GuardedArchive:
    """PluginError when it is no archive."""
    guard.call("__init__", lambda: inner, lambda made: values.offers(made, VERBS, "an archive"))
    return GuardedArchive(guard, inner)
