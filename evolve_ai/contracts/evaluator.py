"""The contract of an evaluator: turns a candidate into jobs, and their outcomes into scores."""

from collections.abc import Mapping
from typing import Protocol

from evolve_ai.model.job import Job, Outcome
from evolve_ai.model.trial import Judgement


class Evaluator(Protocol):
    # A SHA-256 of all that decides a score beside the program.
    digest: str

    # The names of its stages, cheap ones first; at least one.
    stages: tuple[str, ...]

    # The files that its jobs have beside those that may change, by SHA-256.
    contents: Mapping[str, bytes]

    # `genome` maps each file that may change to its SHA-256; `repeat` counts repetitions from 0.
    def job(
        self, number: int, genome: Mapping[str, str], stage: str, seed: int, repeat: int
    ) -> Job: ...

    # Never raises for what is in an outcome.
    def read(self, outcome: Outcome) -> Judgement: ...
