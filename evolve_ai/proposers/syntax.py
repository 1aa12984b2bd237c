"""The proposer `syntax`: edits programs by the grammars of their languages."""

import random
from collections.abc import Callable, Mapping
from math import ceil

from evolve_ai.contracts.proposer import AskModel
from evolve_ai.model.brief import Brief, Proposal
from evolve_ai.model.candidate import Sources
from evolve_ai.model.proposer_settings import SyntaxOptions
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.proposers import expression_edits as within
from evolve_ai.proposers import loop_edits as turns
from evolve_ai.proposers import statement_edits as whole
from evolve_ai.proposers.changes import Changes, applied, written
from evolve_ai.proposers.expression_edits import Edit
from evolve_ai.proposers.reading import (
    ARITHMETIC,
    COMPARISON,
    CONDITION,
    EXPRESSION,
    HEADER,
    JUMP,
    LOGICAL,
    NAME,
    STATEMENT,
    LanguageOf,
    Place,
    Reading,
    Readings,
)
from evolve_ai.proposers.stateless import Stateless
from evolve_ai.system.syntax_trees import SyntaxTrees

DRAWS = 24  # edits that are tried before there is none


def _of(role: str) -> Callable[[Reading], list[Place]]:
    return lambda reading: reading.mine.get(role, [])


# operator -> (where it applies, what it does)
EDITS: Mapping[str, tuple[Callable[[Reading], list[Place]], Edit]] = {
    "delete": (_of(STATEMENT), whole.delete),
    "replace": (_of(STATEMENT), whole.replace),
    "insert": (_of(STATEMENT), whole.insert),
    "swap": (_of(STATEMENT), whole.swap),
    "loops": (_of(HEADER), whole.headers),
    "unroll": (turns.unrollable, turns.unroll),
    "tile": (turns.counted, turns.tile),
    "accumulate": (turns.accumulating, turns.accumulate),
    "condition": (_of(CONDITION), within.condition),
    "comparison": (_of(COMPARISON), within.exchange(lambda one: one.syntax.comparisons)),
    "arithmetic": (_of(ARITHMETIC), within.exchange(lambda one: one.syntax.arithmetic)),
    "logical": (_of(LOGICAL), within.exchange(lambda one: one.syntax.logical)),
    "literal": (within.literals_of, within.literal),
    "expression": (_of(EXPRESSION), within.expression),
    "name": (_of(NAME), within.name),
    "jump": (_of(JUMP), within.jump),
}


class SyntaxProposer(Stateless):
    """Satisfies contracts.proposer.Proposer."""

    name = "syntax"
    operators = tuple(EDITS)
    is_deterministic = True

    def __init__(
        self,
        options: SyntaxOptions,
        languages: LanguageOf,
        blocks: bool = True,
        trees: SyntaxTrees | None = None,
    ):
        """`trees` may be shared with whatever else looks at the same programs."""
        self._edits = options.edits
        self._readings = Readings(languages, blocks, trees)

    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault:
        parent = brief.parents[0]
        files = self._read(parent.sources)
        if not any(EDITS[operator][0](reading) for reading in files.values()):
            return Fault(Cause.EDIT, f"there is no place for {operator!r} in this program")
        others = [
            (other.number, one)
            for other in (*brief.parents[1:], *brief.inspirations)
            for one in self._read(other.sources).values()
        ]
        for _ in range(DRAWS):
            draft = _Draft(self._readings, files, others)
            more = self._count(brief.step, rng) - 1
            if not draft.edit(operator, rng):
                continue
            for _ in range(more):
                draft.edit(rng.choice(self.operators), rng)
            changed = draft.changed(brief.is_known)
            if changed:
                used = sorted(draft.used() - {parent.number})
                return Proposal(changed, operator, (parent.number, *used))
        return Fault(Cause.EDIT, f"{DRAWS} draws of {operator!r} made no new program that parses")

    def _read(self, sources: Sources) -> dict[str, Reading]:
        found = {path: self._readings.of(path, sources[path]) for path in sorted(sources)}
        return {path: reading for path, reading in found.items() if reading is not None}

    def _count(self, step: float, rng: random.Random) -> int:
        """How many edits at once: mostly the usual number, and k more as often as 1 / k, since even
        a search that stagnates mostly needs one (Doerr and others, "Fast genetic algorithms",
        2017)."""
        most = ceil(self._edits * max(step, 1.0))
        counts = range(self._edits, most + 1)
        return rng.choices(counts, [1.0 / (1 + one - self._edits) for one in counts])[0]


class _Draft:
    """A program on its way: edits of the parent's text that do not overlap, so that it need not be
    read again after each."""

    def __init__(
        self, readings: Readings, files: Mapping[str, Reading], others: list[tuple[int, Reading]]
    ):
        self._trees = readings.trees
        self._files = files
        self._others = others
        self._edits: list[tuple[str, Changes]] = []

    def edit(self, operator: str, rng: random.Random) -> bool:
        """Draw one edit; False where there is none."""
        places_of, edit = EDITS[operator]
        drawn = _drawn({path: places_of(one) for path, one in self._files.items()}, rng)
        if drawn is None:
            return False
        path, place = drawn
        reading = self._files[path]
        changes = edit(reading, place, rng, self._material(path, reading))
        if not changes or _overlap(changes, self._together(path)):
            return False
        self._edits.append((path, changes))
        return True

    def changed(self, is_known: Callable[[Sources], bool]) -> Sources:
        """The files that the edits change; empty where the first edit makes what does not parse, or
        all of them what is known. Parsing takes most of the time: all edits are parsed at once, and
        one after the other only where some of them are wrong."""
        texts = self._texts()
        if not texts or is_known(texts):
            return {}
        if all(self._parses(path, self._together(path)) for path in texts):
            return texts
        if len(self._edits) == 1:
            return {}
        self._leave_out()
        texts = self._texts()
        return {} if is_known(texts) else texts

    def used(self) -> set[int]:
        """The numbers of others whose material it has."""
        sources = [one.source for _, changes in self._edits for one in changes if one.source]
        mine = list(self._files.values())
        theirs = [one for one in sources if not any(one is own for own in mine)]
        return {number for number, one in self._others if any(one is other for other in theirs)}

    def _leave_out(self) -> None:
        """The edits that are wrong; all of them if the first one is."""
        edits, self._edits = self._edits, []
        for path, changes in edits:
            if self._parses(path, (*self._together(path), *changes)):
                self._edits.append((path, changes))
            elif not self._edits:
                return

    def _texts(self) -> dict[str, bytes]:
        paths = dict.fromkeys(path for path, _ in self._edits)
        texts = {path: written(self._files[path], self._together(path)) for path in paths}
        return {path: text for path, text in texts.items() if text != self._files[path].data}

    def _together(self, path: str) -> Changes:
        return tuple(one for at, changes in self._edits if at == path for one in changes)

    def _parses(self, path: str, changes: Changes) -> bool:
        return applied(self._files[path], self._trees, changes) is not None

    def _material(self, path: str, reading: Reading) -> list[Reading]:
        name = reading.language.name
        more = [one for key, one in self._files.items() if key != path]
        more += [one for _, one in self._others]
        return [reading, *(one for one in more if one.language.name == name)]


def _drawn(places: Mapping[str, list[Place]], rng: random.Random) -> tuple[str, Place] | None:
    """One of all places of these files, each as likely."""
    count = sum(map(len, places.values()))
    at = rng.randrange(count) if count else 0
    for path, some in places.items():
        if at < len(some):
            return path, some[at]
        at -= len(some)
    return None


def _overlap(some: Changes, others: Changes) -> bool:
    """Also where they only touch: what comes first would be chance."""
    return any(a.start <= b.end and b.start <= a.end for a in some for b in others)
