"""Minifies a winner: takes back the edits that do not matter, by delta debugging.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): ddmin, with all
trials of one granularity as a batch.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

from evolve_ai.model.candidate import Sources, genome_of, program_digest
from evolve_ai.model.hunks import Hunk, applied, hunks, joined, refined

# Is each of these programs as good as the winner? One answer each.
AsGood = Callable[[Sequence[Sources]], Sequence[bool]]
Hunks = tuple[Hunk, ...]

_MOST_GROUPS = 60  # pairs that are tried in one batch


def minified(before: Sources, after: Sources, is_as_good: AsGood, most: int = 1000) -> Hunks:
    """The edits of which none can be taken back alone, nor all of a line, nor two (up to 60
    pairs), nor three that follow each other: first whole lines, then words and signs. Those of one
    line are one edit.

    At most about `most` trials; what is left then is good, but may be more than is needed.
    """
    trials = _Trials(before, is_as_good, most)
    kept = trials.least(hunks(before, after))
    parts = tuple(part for hunk in kept for part in refined(hunk, before))
    if parts != kept:
        kept = trials.least(parts)
    return joined(trials.without_groups(kept), before)


class _Trials:
    """Answers by program: none is asked for twice."""

    def __init__(self, before: Sources, is_as_good: AsGood, most: int):
        self._before, self._is_as_good, self._left = before, is_as_good, most
        self._known: dict[str, bool] = {}  # by program

    def least(self, kept: Hunks) -> Hunks:
        """A subset that is good, and is no more so without any of its hunks."""
        parts = 2
        while len(kept) > 1 and self._left > 0:
            chunks = _chunks(kept, parts)
            others = [tuple(one for one in kept if one not in chunk) for chunk in chunks]
            smaller = self._first_good([*chunks, *others] if parts > 2 else chunks)
            if smaller is not None:
                parts = max(parts - 1, 2) if smaller in others and parts > 2 else 2
                kept = smaller
            elif parts >= len(kept):
                break
            else:
                parts = min(2 * parts, len(kept))
        return kept

    def without_groups(self, kept: Hunks) -> Hunks:
        """Edits that only matter to each other (a variable and its use) go together."""
        while len(kept) > 1 and self._left > 0:
            rest = [tuple(one for one in kept if one not in group) for group in self._groups(kept)]
            smaller = self._first_good(list(dict.fromkeys(rest)))
            if smaller is None:
                break
            kept = smaller
        return kept

    def _groups(self, kept: Hunks) -> list[Hunks]:
        lines: dict[tuple[str, int], Hunks] = {}
        for one in kept:
            line = self._before[one.path].count(b"\n", 0, one.start)
            lines[one.path, line] = (*lines.get((one.path, line), ()), one)
        by_line = list(lines.values())
        pairs = [(*a, *b) for a, b in combinations(by_line, 2)]
        pairs += [(a, b) for a, b in combinations(kept, 2)]
        threes = [kept[at : at + 3] for at in range(len(kept) - 2)]
        return [*sorted(pairs, key=len, reverse=True)[:_MOST_GROUPS], *threes, *by_line]

    def _first_good(self, subsets: Sequence[Hunks]) -> Hunks | None:
        programs = [applied(self._before, one) for one in subsets]
        names = [program_digest(genome_of(one)) for one in programs]
        new = {n: one for n, one in zip(names, programs, strict=True) if n not in self._known}
        if new:
            self._left -= len(new)
            answers = self._is_as_good(tuple(new.values()))
            self._known.update(zip(new, answers, strict=True))
        good = (one for name, one in zip(names, subsets, strict=True) if self._known[name])
        return next(good, None)


def _chunks(kept: Hunks, parts: int) -> list[Hunks]:
    """So many, of sizes that differ by one at most."""
    edges = [len(kept) * at // parts for at in range(parts + 1)]
    return [kept[a:b] for a, b in pairwise(edges) if a < b]
