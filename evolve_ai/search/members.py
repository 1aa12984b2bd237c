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
            self._known.popitem(last=False)

    def relative(self, number: int, artifacts: bool) -> Relative:
        """As a proposer may see it; artifacts cost a look into the registry."""
        member = self.of(number)
        score = member.candidate.score or Score((float("-inf"),))
        metrics = {k: v for k, v in score.metrics.items() if k not in self._private}
        told: Mapping[str, str] = self._registry.artifacts(number) if artifacts else {}
        return Relative(number, member.sources, replace(score, metrics=metrics, private={}), told)

    def _sources(self, candidate: Candidate) -> Sources:
        first = self._registry.initial_genome()
        return {
            path: self._initial[path]
            if path in self._initial and first.get(path) == code
            else self._registry.content(code)
            for path, code in candidate.genome.items()
        }
