"""What a search works with; plugins.py assembles it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.contracts.archive import Archive
from evolve_ai.contracts.evaluator import Evaluator
from evolve_ai.contracts.language import Language
from evolve_ai.contracts.proposer import Proposer
from evolve_ai.model.draws import Draws
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.task_settings import Task
from evolve_ai.system.syntax_trees import SyntaxTrees

# The language of a file, by its path; None where none is known.
LanguageOf = Callable[[str], Language | None]


@dataclass(frozen=True, slots=True)
class SearchParts:
    """`archive` and `proposers` are new: what they know is restored by whoever resumes."""

    task: Task
    files: TaskFiles
    evaluator: Evaluator
    archive: Archive
    proposers: Mapping[str, Proposer]
    weights: Mapping[str, float]  # of proposers, at first
    language_of: LanguageOf
    trees: SyntaxTrees
    folder: Path | None = None  # of the task; a program given to the API has none

    @property
    def draws(self) -> Draws:
        return Draws(self.task.search.seed)
