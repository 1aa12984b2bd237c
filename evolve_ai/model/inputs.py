"""The inputs of a run besides seed and commands: settings, data, template, version."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_SHOWN = 40
_NAMES = {
    "data": "the data of the world",
    "held_out": "the held-out data",
    "template": "the template",
    "version": "the version of evolve",
    "python": "the version of Python",
    "host": "the machine",
}
# Settings of the world or its economy: agents would notice a change in the middle of a season.
_OF_THE_WORLD = ("environment.", "economy.", "cycle.ticks", "demes", "seed")

_BESIDE_HISTORY = (
    "executor.",
    "cycle.sleep",
    "colonies",
    "events.",
    "history.",
    "hooks",
    "sinks",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one run. `settings` by dotted key; `set` names those that override evolve.toml
    (--set, --selection and the like). Data, template and the user's own `plugins` are SHA-256."""

    settings: Mapping[str, Any]
    set: tuple[str, ...]
    data: str | None
    held_out: str | None
    template: str
    plugins: Mapping[str, str]
    version: str
    python: str
    host: str

    def to_map(self) -> dict[str, Any]:
        return {**asdict(self), "set": list(self.set)}

    @classmethod
    def from_map(cls, found: Mapping[str, Any]) -> "Inputs":
        return cls(**{**found, "set": tuple(found["set"])})


@dataclass(frozen=True, slots=True)
class InputChange:
    """One input that differs from the previous run. `world`: living agents would notice it;
    `quiet`: it does not affect the history."""

    words: str
    world: bool = False
    quiet: bool = False


def changes(before: Inputs, now: Inputs) -> tuple[InputChange, ...]:
    """The differences between two runs, those of settings first."""
    return (*_settings(before, now), *_others(before, now))


def _settings(before: Inputs, now: Inputs) -> Iterator[InputChange]:
    for key in sorted({*before.settings, *now.settings}):
        old, new = before.settings.get(key), now.settings.get(key)
        if old == new or key not in before.settings or key not in now.settings:
            continue  # a key that only one version of the program has is no change
        if key == "demes" and not new:
            continue  # the population keeps the demes that it has
        how = " (overrides evolve.toml)" if key in now.set else ""
        words = f"{key} {_brief(old)} -> {_brief(new)}{how}"
        yield InputChange(words, key.startswith(_OF_THE_WORLD), key.startswith(_BESIDE_HISTORY))


def _others(before: Inputs, now: Inputs) -> Iterator[InputChange]:
    for name, words in _NAMES.items():
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            yield InputChange(f"{words} {_brief(old, 12)} -> {_brief(new, 12)}", name == "data")
    for plugin in sorted({*before.plugins, *now.plugins}):
        old, new = before.plugins.get(plugin), now.plugins.get(plugin)
        if old is not None and new is not None and old != new:
            yield InputChange(f"the code of {plugin} {_brief(old, 12)} -> {_brief(new, 12)}", True)


def _brief(value: Any, most: int = _SHOWN) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= most else f"{text[:most]}…"
