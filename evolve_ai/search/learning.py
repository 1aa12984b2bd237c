"""All that learns from committed candidates: archive, bandit, stagnation, proposers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgpack

from evolve_ai.model.brief import Placement
from evolve_ai.model.candidate import Candidate, Entry, Sources
from evolve_ai.model.event import Event
from evolve_ai.search.asking import HUMAN, operators_of
from evolve_ai.search.bandit import Bandit, reward_of, shared
from evolve_ai.search.champion_noise import ChampionNoise
from evolve_ai.search.commit import stagnation_event
from evolve_ai.search.features import Features
from evolve_ai.search.parts import SearchParts
from evolve_ai.search.stagnation import Stagnation

_CHEAP = 0.1  # what a proposal costs that is not evaluated, beside one that is


@dataclass(frozen=True, slots=True)
class Lesson:
    """A candidate as committed; `parent` are the goals of its first parent, if it has one;
    `rounds` is what was measured of it and of the champion, in pairs."""

    candidate: Candidate
    sources: Sources
    island: int
    signature: tuple[float, ...]
    parent: tuple[float, ...] | None
    improved: bool
    rounds: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Has it a score of its own?"""
        return self.candidate.score is not None and self.candidate.reused is None

    @property
    def reward(self) -> float | None:
        score = self.candidate.score
        if score is not None and self.candidate.reused is not None:
            return 0.0
        return reward_of(None if score is None else score.goals, self.parent)


class Learning:
    """The same lessons in the same order leave it in the same state."""

    def __init__(self, parts: SearchParts):
        self._parts = parts
        self.archive, self._proposers = parts.archive, parts.proposers
        self.features = Features(parts.files.initial, parts.language_of, parts.trees)
        self.bandit = Bandit(
            shared((parts.weights[p], names) for p, names in operators_of(parts.proposers).items())
        )
        self._stagnation = Stagnation(parts.task.search.stagnation)
        self._noise = ChampionNoise()

    @property
    def step(self) -> float:
        """How large steps should be, at present."""
        return self._stagnation.step

    @property
    def champion_repeats(self) -> tuple[float, ...]:
        """What comparisons measured of the champion."""
        return self._noise.repeats

    def place(self, lesson: Lesson) -> Placement:
        """Tell the archive; a candidate without a score of its own is not told."""
        return self.archive.tell(self._entry(lesson)) if lesson.is_new else Placement(kept=False)

    def learn(self, lesson: Lesson) -> Sequence[Event]:
        """Tell all others; what is done about stagnation comes back as events."""
        one = lesson.candidate
        if lesson.is_new:
            self._noise.tell(one.number, lesson.improved, lesson.rounds)
        if one.number == 0:
            return ()
        *failed, made = one.operators
        for operator in failed:
            self.bandit.tell(operator, None, _CHEAP)
        if made.partition(".")[0] != HUMAN:
            self.bandit.tell(made, lesson.reward)
        maker, _, operator = made.partition(".")
        for name, proposer in self._proposers.items():
            by = operator if name == maker else ""
            proposer.learn(one.number, one.score, by, lesson.sources)
        if not self._stagnation.tell(lesson.improved):
            return ()
        stirred = self.archive.stir(one.number, self._parts.draws.rng("stir", one.number))
        words = self._stagnation.answered(stirred)
        return (stagnation_event(one.number, self._stagnation.waited, self.step, words),)

    def snapshot(self) -> bytes:
        packed: bytes = msgpack.packb(
            {
                "archive": self.archive.state(),
                "bandit": self.bandit.state(),
                "stagnation": self._stagnation.state(),
                "noise": self._noise.state(),
                "proposers": {name: one.state() for name, one in self._proposers.items()},
            }
        )
        return packed

    def restore(self, snapshot: bytes) -> None:
        kept: Mapping[str, Mapping[str, object]] = msgpack.unpackb(snapshot, strict_map_key=False)
        self.archive.restore(kept["archive"])
        self.bandit.restore(kept["bandit"])
        self._stagnation.restore(kept["stagnation"])
        if "noise" in kept:  # older snapshots have none
            self._noise.restore(kept["noise"])
        for name, one in self._proposers.items():
            one.restore(kept["proposers"][name])  # type: ignore[arg-type]

    def _entry(self, lesson: Lesson) -> Entry:
        one = lesson.candidate
        assert one.score is not None
        uses_shape = self.archive.uses_shape
        return Entry(
            one.number,
            one.score.goals,
            {**one.score.metrics, **one.score.private, **one.features},
            self.features.shape(lesson.sources) if uses_shape else frozenset(),
            lesson.signature,
            one.parents,
            lesson.island,
        )
