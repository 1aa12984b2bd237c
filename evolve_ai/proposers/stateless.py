"""What proposers share that learn nothing."""

from collections.abc import Mapping
from typing import Any

from evolve_ai.model.candidate import Sources
from evolve_ai.model.trial import Score


class Stateless:
    """The part of contracts.proposer.Proposer on learning."""

    def learn(self, number: int, score: Score | None, operator: str, sources: Sources) -> None: ...

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None: ...
