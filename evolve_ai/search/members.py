"""Candidates with their sources, as proposers need them; the ones asked for last stay in memory."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from evolve_ai.model.brief import Relative
from evolve_ai.model.candidate import Candidate, Sources
from evolve_ai.model.trial import Score
from evolve_ai.state.search_reader import SearchReader

_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Member:
    candidate: Candidate
    sources: Sources


class Members:
    """Of one search. `private` metrics are left out of what proposers get."""

    def __init__(self, registry: SearchReader, initial: Sources, private: Collection[str]):
        self._registry = registry
        self._initial = initial
        self._private = frozenset(private)
        self._known: OrderedDict[int, Member] = OrderedDict()
        self._relatives: dict[int, Relative] = {}  # of known ones, without artifacts

    def of(self, number: int) -> Member:
        member = self._known.get(number)
        if member is None:
            candidate = self._registry.candidate(number).candidate
            member = Member(candidate, self._sources(candidate))
        self.keep(member)
        return member

    def keep(self, member: Member) -> None:
        self._known[member.candidate.number] = member
        self._known.move_to_end(member.candidate.number)
        while len(self._known) > _KEPT:
            number, _ = self._known.popitem(last=False)
            self._relatives.pop(number, None)

    def relative(self, number: int, artifacts: bool) -> Relative:
        """As a proposer may see it; artifacts cost a look into the registry."""
        known = None if artifacts else self._relatives.get(number)
        if known is not None:
            self._known.move_to_end(number)
            return known
        member = self.of(number)
        score = member.candidate.score or Score((float("-inf"),))
        metrics = {k: v for k, v in score.metrics.items() if k not in self._private}
        told: Mapping[str, str] = self._registry.artifacts(number) if artifacts else {}
        shown = replace(score, metrics=metrics, private={})
        relative = Relative(number, member.sources, shown, told)
        if not artifacts:
            self._relatives[number] = relative
        return relative

    def _sources(self, candidate: Candidate) -> Sources:
        first = self._registry.initial_genome()
        return {
            path: self._initial[path]
            if path in self._initial and first.get(path) == code
            else self._registry.content(code)
            for path, code in candidate.genome.items()
        }
