"""Maps names in task.toml to archives and proposers, and assembles what a search works with."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from evolve_ai.contracts.evaluator import Evaluator
from evolve_ai.contracts.language import Language
from evolve_ai.contracts.proposer import Proposer
from evolve_ai.evaluators.task_evaluator import TaskEvaluator
from evolve_ai.model.errors import PluginError
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.proposer_settings import (
    CommandOptions,
    ConstantsOptions,
    CrossoverOptions,
    ProposerChoice,
    SyntaxOptions,
)
from evolve_ai.model.settings import Settings
from evolve_ai.model.task_settings import Task
from evolve_ai.plugins import LANGUAGES, archive_of, language_of
from evolve_ai.proposers.command import CommandProposer
from evolve_ai.proposers.constants import ConstantsProposer
from evolve_ai.proposers.crossover import CrossoverProposer
from evolve_ai.proposers.syntax import SyntaxProposer
from evolve_ai.search.parts import LanguageOf, SearchParts
from evolve_ai.session.search_project import TaskFolder
from evolve_ai.system.project import Project
from evolve_ai.system.syntax_trees import SyntaxTrees
from evolve_ai.system.task_names import TASK_FILE

DEFAULT: tuple[ProposerChoice, ...] = (SyntaxOptions(), ConstantsOptions(), CrossoverOptions())
PROPOSERS: Mapping[str, Callable[[Any, LanguageOf, bool, SyntaxTrees], Proposer]] = {
    "syntax": SyntaxProposer,
    "constants": ConstantsProposer,
    "crossover": CrossoverProposer,
}


def assemble_search(found: TaskFolder, root: Path) -> SearchParts:
    """What the settings of a task name, for the project `root`. PluginError for a name that leads
    nowhere."""
    return assemble_parts(found, root, evaluator_of(found.task, found.files))


def assemble_parts(found: TaskFolder, root: Path, evaluator: Evaluator) -> SearchParts:
    """As assemble_search, with an evaluator of another kind."""
    task = found.task
    project = Project(root, Settings())
    languages = languages_of(task, project, found.folder)
    chosen, trees = named(task.proposers or DEFAULT), SyntaxTrees()
    return SearchParts(
        task=task,
        files=found.files,
        evaluator=evaluator,
        archive=archive_of(task, found.folder, root / "logs"),
        proposers={name: _proposer(one, found, languages, trees) for name, one in chosen.items()},
        weights={name: one.weight for name, one in chosen.items()},
        language_of=languages,
        trees=trees,
        folder=found.folder if found.folder.is_absolute() else None,
    )


def named(chosen: Sequence[ProposerChoice]) -> dict[str, ProposerChoice]:
    """By name; the second of the same name is "command-2", and so on."""
    found: dict[str, ProposerChoice] = {}
    for one in chosen:
        count = sum(1 for known in found.values() if known.name == one.name)
        found[f"{one.name}-{count + 1}" if count else one.name] = one
    return found


def _proposer(
    options: ProposerChoice, found: TaskFolder, languages: LanguageOf, trees: SyntaxTrees
) -> Proposer:
    if isinstance(options, CommandOptions):
        return CommandProposer(options, found.folder)
    return PROPOSERS[options.name](options, languages, found.task.program.blocks, trees)


def evaluator_of(task: Task, files: TaskFiles, holdout: bool = False) -> TaskEvaluator:
    harness = resources.files("evolve_ai.runners").joinpath("harness.py").read_bytes()
    granted = {name: os.environ[name] for name in task.evaluate.environment if name in os.environ}
    interpreter = task.evaluate.interpreter or sys.executable
    return TaskEvaluator(task, files, harness, interpreter, granted, holdout)


def languages_of(task: Task, project: Project, folder: Path) -> LanguageOf:
    """The language of a path: that of the settings of the task in `folder`, or the one whose suffix
    it has."""

    @cache
    def named(name: str) -> Language:
        try:
            return language_of(project, name)
        except PluginError as error:
            where = folder / TASK_FILE
            raise PluginError(error.what, where=where, todo=error.todo) from error

    @cache
    def by_suffix() -> dict[str, str]:
        return {suffix: name for name in LANGUAGES for suffix in named(name).suffixes}

    @cache
    def find(path: str) -> Language | None:
        if task.program.language:
            return named(task.program.language)
        name = by_suffix().get(Path(path).suffix)
        return None if name is None else named(name)

    return find
