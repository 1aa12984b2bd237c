"""The contract of a proposer: makes a candidate from parents."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from evolve_ai.model.brief import Brief, Proposal
from evolve_ai.model.trial import Fault, Score

# Sends a request to a language model and returns its recorded answer; None: there is no model.
AskModel = Callable[[Mapping[str, Any]], Mapping[str, Any]] | None


class Proposer(Protocol):
    name: str

    # The names of its operators, for credit. A Proposal names one of them.
    operators: tuple[str, ...]

    # Do the same briefs and lessons with the same draws, in the same order, give the same
    # proposals? If not, each is recorded; such a proposer works in a thread of its own.
    is_deterministic: bool

    # A proposal, or why there is none. Never raises for what is in a program.
    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault: ...

    # Called for each candidate that is committed, in order; `score` is None where it has none.
    def learn(self, number: int, score: Score | None) -> None: ...

    # As an archive's: what it has learned, as plain values, and taking that back.
    def state(self) -> Mapping[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...
