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
NOTED = 4096  # proposals that are not committed yet, at most
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
    def point(self) -> "_Point":
        return _Point(
            self.key,
            tuple(one.value for one in self.constants),
            tuple(one.literal.is_whole for one in self.constants),
        )


@dataclass(frozen=True, slots=True)
class _Point:
    """The constants of a program as numbers; `key` as of a vector."""

    key: str
    values: Point
    whole: tuple[bool, ...]


class ConstantsProposer:
    """Satisfies contracts.proposer.Proposer.

    `cma` goes where its earlier proposals were good; in programs that have floats, it leaves whole
    numbers alone (they are exponents, or indices). `step` changes a few constants a little.
    """

    name = "constants"
    operators: tuple[str, ...] = (CMA, STEP)
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
        self._vectors: OrderedDict[tuple[object, ...], _Vector] = OrderedDict()
        self._points: OrderedDict[bytes, _Point] = OrderedDict()

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
            if changed and not brief.is_known(changed):
                if operator == CMA:
                    self._note(vector, texts, {**parent.sources, **changed})
                return Proposal(changed, operator, (parent.number,))
        return Fault(Cause.EDIT, f"{DRAWS} draws of {operator!r} made no new program")

    def learn(self, number: int, score: Score | None, operator: str, sources: Sources) -> None:
        if operator != CMA:
            return
        point = self._points.pop(_name(sources), None) or self._vector(sources, operator).point
        if not point.values:
            return
        adaptation = self._learnt.get(point.key)
        if adaptation is None:
            adaptation = self._learnt[point.key] = Adaptation(point.whole)
        self._learnt.move_to_end(point.key)
        if len(self._learnt) > KEPT:
            self._learnt.popitem(last=False)
        adaptation.tell(point.values, None if score is None else score.value)

    def state(self) -> Mapping[str, Any]:
        return {"learnt": [[key, adaptation.state()] for key, adaptation in self._learnt.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._learnt = OrderedDict(
            (key, Adaptation.restored(inner)) for key, inner in state["learnt"]
        )

    def _note(self, vector: _Vector, texts: Sequence[bytes | None], sources: Sources) -> None:
        """Where a proposal lies, so that it need not be read again to learn from it."""
        values = []
        for one, text in zip(vector.constants, texts, strict=True):
            bare = text.strip(b"()") if text is not None else b""
            known = value_of(bare) if bare else (one.literal, one.value)
            if known is None or known[0].is_whole != one.literal.is_whole:
                return
            values.append(known[1])
        self._points[_name(sources)] = _Point(vector.key, tuple(values), vector.point.whole)
        if len(self._points) > NOTED:
            self._points.popitem(last=False)

    def _vector(self, sources: Sources, operator: str) -> _Vector:
        """Of a program; parents are asked for often."""
        key = (operator, *sorted(sources.items()))
        vector = self._vectors.get(key)
        if vector is None:
            vector = self._vectors[key] = self._read(sources, operator)
            if len(self._vectors) > KEPT:
                self._vectors.popitem(last=False)
        self._vectors.move_to_end(key)
        return vector

    def _read(self, sources: Sources, operator: str) -> _Vector:
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
            here = vector.point
            point = first_point(here.values, here.whole, step, rng)
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


def _name(sources: Sources) -> bytes:
    """A hash of a program."""
    name = hashlib.sha256()
    for path in sorted(sources):
        name.update(path.encode("utf-8", "surrogateescape") + _HOLE)
        name.update(hashlib.sha256(sources[path]).digest())
    return name.digest()


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
