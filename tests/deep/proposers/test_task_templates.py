"""A search by the built-in operators improves every scaffolded task within a minute."""

import random
from pathlib import Path

import pytest
from language_of import language_of
from scaffold_support import ScaffoldedTask

from evolve_ai.model.brief import Brief, Proposal, Relative
from evolve_ai.model.proposer_settings import ConstantsOptions, SyntaxOptions
from evolve_ai.model.trial import Score
from evolve_ai.pipelines.new_task import task_languages
from evolve_ai.proposers.constants import ConstantsProposer
from evolve_ai.proposers.syntax import SyntaxProposer

MOST = 150  # trials


@pytest.mark.parametrize("language", task_languages())
def test_task_is_improved(tmp_path: Path, language: str) -> None:
    task = ScaffoldedTask(tmp_path, language)
    try:
        program, score = task.program(), task.score()
        assert score is not None
        first = score
        makers = (
            SyntaxProposer(SyntaxOptions(), language_of),
            ConstantsProposer(ConstantsOptions(), language_of),
        )
        for number in range(1, MOST):
            rng = random.Random(number)
            maker = rng.choice(makers)
            parent = Relative(0, {task.file: program}, Score((score,)))
            found = maker.propose(Brief(number, (parent,)), rng, rng.choice(maker.operators))
            if not isinstance(found, Proposal):
                continue
            value = task.score(found.sources[task.file])
            if value is not None and value > score:
                program, score = found.sources[task.file], value
                if score > first + 0.05 * abs(first):
                    return
    finally:
        task.close()
    assert score > first
