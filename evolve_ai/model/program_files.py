"""The files of a task: which may change, and which are as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

from evolve_ai.model.candidate import Sources


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """`initial` are the files that may change, in the order of `program.files`; `fixed` are all
    others, by SHA-256; `hidden` are those that only the holdout evaluator gets."""

    initial: Sources
    fixed: Mapping[str, str]
    hidden: Mapping[str, str]
    contents: Mapping[str, bytes]  # of `fixed` and `hidden`, by SHA-256

    @property
    def main(self) -> str:
        """The path that `{program}` names."""
        return next(iter(self.initial))
