"""The proposer `crossover`: puts parts of one program into another that has the same ancestors."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from evolve_ai.contracts.proposer import AskModel
from evolve_ai.model import hunks
from evolve_ai.model.brief import Brief, Proposal, Relative
from evolve_ai.model.proposer_settings import CrossoverOptions
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.proposers.changes import Change, Changes, applied, lines_of, moved, written
from evolve_ai.proposers.reading import LanguageOf, Place, Reading, Readings
from evolve_ai.proposers.stateless import Stateless
from evolve_ai.system.syntax_trees import SyntaxTrees

FUNCTION, LINES = "function", "lines"
DRAWS = 12


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file with what was taken; `reading` of the parent's, where its language has a grammar."""

    path: str
    text: bytes
    reading: Reading | None = None
    changes: Changes = ()


class CrossoverProposer(Stateless):
    """Satisfies contracts.proposer.Proposer. `function` takes a function of the same name; `lines`
    takes about half of the lines in which the programs differ."""

    name = "crossover"
    operators: tuple[str, ...] = (FUNCTION, LINES)
    is_deterministic = True

    def __init__(
        self,
        options: CrossoverOptions,
        languages: LanguageOf,
        blocks: bool = True,
        trees: SyntaxTrees | None = None,
    ):
        self._readings = Readings(languages, blocks, trees)

    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault:
        parent = brief.parents[0]
        relatives = (*brief.parents[1:], *brief.inspirations)
        others = [one for one in relatives if one.sources != parent.sources]
        if not others:
            return Fault(Cause.EDIT, "there is no second program to take parts of")
        for _ in range(DRAWS):
            other = rng.choice(others)
            take = self._function if operator == FUNCTION else self._lines
            taken = [
                one for one in take(parent, other, rng) if one.text != parent.sources[one.path]
            ]
            changed = {one.path: one.text for one in taken}
            if not changed or {**parent.sources, **changed} == other.sources:
                continue
            if not brief.is_known(changed) and all(map(self._parses, taken)):
                return Proposal(changed, operator, (parent.number, other.number))
        return Fault(Cause.EDIT, f"{DRAWS} draws of {operator!r} made no third program")

    def _parses(self, taken: _Taken) -> bool:
        reading = taken.reading
        return reading is None or bool(applied(reading, self._readings.trees, taken.changes))

    def _function(self, parent: Relative, other: Relative, rng: random.Random) -> list[_Taken]:
        found = list(self._pairs(parent, other))
        if not found:
            return []
        path, reading, place, theirs, there = rng.choice(found)
        indent = lines_of(reading.data, place.start, place.end).indent
        changes = (Change(place.start, place.end, moved(theirs, there, indent)),)
        return [_Taken(path, written(reading, changes), reading, changes)]

    def _pairs(
        self, parent: Relative, other: Relative
    ) -> Iterator[tuple[str, Reading, Place, Reading, Place]]:
        """Functions of the same name that differ."""
        for path in sorted(parent.sources):
            mine = self._readings.of(path, parent.sources[path])
            theirs = self._readings.of(path, other.sources.get(path, b""))
            if mine is None or theirs is None:
                continue
            for name, place in mine.functions.items():
                there = theirs.functions.get(name)
                if (
                    there is not None
                    and mine.may_change(place.start, place.end)
                    and mine.text(place) != theirs.text(there)
                ):
                    yield path, mine, place, theirs, there

    def _lines(self, parent: Relative, other: Relative, rng: random.Random) -> list[_Taken]:
        theirs = {path: other.sources.get(path, data) for path, data in parent.sources.items()}
        some = [hunk for hunk in hunks.hunks(parent.sources, theirs) if rng.random() < 0.5]
        taken = []
        for path in {hunk.path: None for hunk in some}:
            reading = self._readings.of(path, parent.sources[path])
            mine = [hunk for hunk in some if hunk.path == path]
            if reading is None:
                taken.append(_Taken(path, hunks.applied(parent.sources, mine)[path]))
                continue
            changes = tuple(Change(hunk.start, hunk.end, hunk.new) for hunk in mine)
            taken.append(_Taken(path, written(reading, changes), reading, changes))
        return taken
