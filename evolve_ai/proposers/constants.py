"""The proposer `constants`: changes the numeric literals of a program, and nothing else."""

import hashlib
import random
import re
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

from evolve_ai.contracts.proposer import AskModel
from evolve_ai.model.brief import Brief, Proposal
from evolve_ai.model.candidate import Sources
from evolve_ai.model.literals import Literal
from evolve_ai.model.proposer_settings import ConstantsOptions
from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.proposers.adaptation import Adaptation, Point, first_point
from evolve_ai.proposers.changes import Change, applied
from evolve_ai.proposers.literal_steps import stepped, value_of, written
from evolve_ai.proposers.reading import NUMBER, LanguageOf, Place, Reading, Readings
from evolve_ai.system.syntax_trees import SyntaxTrees

CMA, STEP = "cma", "step"
DRAWS = 24  # until there is no proposal
KEPT = 8  # programs, apart from their constants, of which something is remembered
_HOLE = b"\0"


@dataclass(frozen=True, slots=True)
class _Constant:
    path: str
    place: Place
    text: bytes
    literal: Literal
    value: float


@dataclass(frozen=True, slots=True)
class _Vector:
    """The constants of a program that are looked at. `key` is the same for all programs that differ
    only in them."""

    files: Mapping[str, Reading]
    constants: Sequence[_Constant]
    key: str

    @property
    def values(self) -> Point:
        return tuple(one.value for one in self.constants)

    @property
    def whole(self) -> list[bool]:
        return [one.literal.is_whole for one in self.constants]


class ConstantsProposer:
    """Satisfies contracts.proposer.Proposer.

    `cma` goes where its earlier proposals were good; in programs that have floats, it leaves whole
    numbers alone (they are exponents, or indices). `step` changes a few constants a little.
    """

    name = "constants"
    operators = (CMA, STEP)
    is_deterministic = True

    def __init__(
        self,
        options: ConstantsOptions,
        languages: LanguageOf,
        blocks: bool = True,
        trees: SyntaxTrees | None = None,
    ):
        self._most = options.most
        self._readings = Readings(languages, blocks, trees)
        self._learnt: OrderedDict[str, Adaptation] = OrderedDict()

    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault:
        parent = brief.parents[0]
        vector = self._vector(parent.sources, operator)
        if not vector.constants:
            return Fault(Cause.EDIT, "there are no numeric literals that may change")
        for _ in range(DRAWS):
            if operator == CMA:
                texts = self._drawn(vector, brief.step, rng)
            else:
                texts = _stepped(vector, brief.step, rng)
            changed = self._changed(vector, texts)
            if changed:
                return Proposal(changed, operator, (parent.number,))
        return Fault(Cause.EDIT, f"{DRAWS} draws of {operator!r} made no other program")

    def learn(self, number: int, score: Score | None, operator: str, sources: Sources) -> None:
        if operator != CMA:
            return
        vector = self._vector(sources, operator)
        if not vector.constants:
            return
        adaptation = self._learnt.setdefault(vector.key, Adaptation(vector.whole))
        self._learnt.move_to_end(vector.key)
        if len(self._learnt) > KEPT:
            self._learnt.popitem(last=False)
        adaptation.tell(vector.values, None if score is None else score.value)

    def state(self) -> Mapping[str, Any]:
        return {"learnt": [[key, adaptation.state()] for key, adaptation in self._learnt.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._learnt = OrderedDict(
            (key, Adaptation.restored(inner)) for key, inner in state["learnt"]
        )

    def _vector(self, sources: Sources, operator: str) -> _Vector:
        files: dict[str, Reading] = {}
        constants: list[_Constant] = []
        for path in sorted(sources):
            reading = self._readings.of(path, sources[path])
            if reading is not None:
                files[path] = reading
                constants += _constants(path, reading)
        floats = [one for one in constants if not one.literal.is_whole]
        constants = (floats if floats and operator == CMA else constants)[: self._most]
        return _Vector(files, constants, _key(files, constants))

    def _drawn(self, vector: _Vector, step: float, rng: random.Random) -> list[bytes | None]:
        adaptation = self._learnt.get(vector.key)
        if adaptation is not None and adaptation.has_begun:
            point = adaptation.draw(step, rng)
        else:
            point = first_point(vector.values, vector.whole, step, rng)
        return [
            written(one.text, one.literal, value) if isfinite(value) else None
            for one, value in zip(vector.constants, point, strict=True)
        ]

    def _changed(self, vector: _Vector, texts: Sequence[bytes | None]) -> dict[str, bytes]:
        """The files that become others; none where they would not parse."""
        changes: dict[str, list[Change]] = defaultdict(list)
        for one, text in zip(vector.constants, texts, strict=True):
            if text is not None and text != one.text:
                changes[one.path].append(Change(one.place.start, one.place.end, text))
        found = {}
        for path, some in changes.items():
            made = applied(vector.files[path], self._readings.trees, tuple(some))
            if made is None:
                return {}
            found[path] = made[0]
        return found


def _constants(path: str, reading: Reading) -> list[_Constant]:
    found = []
    for place in reading.mine.get(NUMBER, ()):
        text = reading.text(place)
        if known := value_of(text):
            found.append(_Constant(path, place, text, *known))
    return found


def _key(files: Mapping[str, Reading], constants: Sequence[_Constant]) -> str:
    key = hashlib.sha256()
    for path, reading in files.items():
        holes = _holes(reading.data, [one for one in constants if one.path == path])
        key.update(path.encode("utf-8", "surrogateescape") + _HOLE)
        key.update(hashlib.sha256(holes).digest())
    return key.hexdigest()


def _holes(data: bytes, constants: Sequence[_Constant]) -> bytes:
    """The text without these constants, nor parentheses that a negative one has got."""
    parts, at = [], 0
    for one in constants:
        parts.append(data[at : one.place.start])
        at = one.place.end
    return re.sub(rb"\(\0\)", _HOLE, _HOLE.join([*parts, data[at:]]))


def _stepped(vector: _Vector, step: float, rng: random.Random) -> list[bytes | None]:
    """One constant; more where larger steps are asked for."""
    most = min(max(ceil(step), 1), len(vector.constants))
    chosen = rng.sample(range(len(vector.constants)), rng.randint(1, most))
    return [
        stepped(one.text, rng) if at in chosen else None for at, one in enumerate(vector.constants)
    ]
