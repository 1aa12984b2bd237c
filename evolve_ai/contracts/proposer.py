"""The contract of a proposer: makes a candidate from parents."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from evolve_ai.model.brief import Brief, Proposal
from evolve_ai.model.candidate import Sources
from evolve_ai.model.trial import Fault, Score

# Sends a request to a language model and returns its recorded answer; None: there is no model.
AskModel = Callable[[Mapping[str, Any]], Mapping[str, Any]] | None


class Proposer(Protocol):
    name: str

    # The names of its operators, for credit. A Proposal names one of them.
    operators: tuple[str, ...]

    # Does the same brief with the same draws, after the same lessons, give the same proposal? If
    # not, it is recorded.
    is_deterministic: bool

    # A proposal, or why there is none. Never raises for what is in a program.
    def propose(
        self, brief: Brief, rng: random.Random, operator: str, ask_model: AskModel = None
    ) -> Proposal | Fault: ...

    # Called for each candidate that is committed, in order; `score` is None where it has none.
    # `operator` is the one of this proposer that made it, "" where another proposer did; `sources`
    # are all its files. Nothing else changes what it proposes.
    def learn(self, number: int, score: Score | None, operator: str, sources: Sources) -> None: ...

    # As an archive's: what it has learned, as plain values, and taking that back.
    def state(self) -> Mapping[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...
