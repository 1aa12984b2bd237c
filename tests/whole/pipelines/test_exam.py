"""The exam: fair, repeatable, and moved by every gene file of the template."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from deep_folder import dig
from project_support import ProjectUnderTest

from evolve_ai.model.genome import FileGene, Genome, encode
from evolve_ai.model.report import GenePool
from evolve_ai.pipelines import runs
from evolve_ai.pipelines.exam import Examinee, programs_for, sit
from evolve_ai.plugins import assemble
from evolve_ai.session.components import Components
from evolve_ai.session.finding import open_project
from evolve_ai.session.pool import open_pool

AGENTS = 16


def test_founders_who_have_not_lived_gain_nothing(project: ProjectUnderTest) -> None:
    result = project.evolve("exam", "--json").json
    assert result["gain"] == 0.0
    assert result["founders"] == result["living"]
    assert result["persistence"]["median_s"] == 0.5
    assert result["stretch"] == "values 231 to 309 of 309"


def test_an_exam_changes_nobody_and_leaves_nothing(project: ProjectUnderTest) -> None:
    before = {row["id"]: row for row in project.agents()}
    assert project.evolve("exam", "--json").out == project.evolve("exam", "--json").out
    assert {row["id"]: row for row in project.agents()} == before
    assert not (project.root / "workspace" / "exam").exists()


def test_what_a_killed_exam_left_is_cleared_away_however_deep(project: ProjectUnderTest) -> None:
    left = project.root / "workspace" / "exam"
    dig(left / "founders" / "agent" / "state")
    project.evolve("exam", "--json")
    assert not left.exists()


def test_a_world_without_exam_says_so(project: ProjectUnderTest) -> None:
    done = project.evolve("exam", "--set", "environment=solitary", code=2)
    assert "solitary has no exam" in done.err


@contextmanager
def hall(project: ProjectUnderTest) -> Iterator[Callable[[Sequence[Genome]], list[float]]]:
    """Seats genomes in an exam; what they score comes back."""
    opened = open_project(project.root)
    with runs.opened(opened, assemble, "exam") as (components, registry, _):
        pool = open_pool(components, registry)

        def score(genomes: Sequence[Genome]) -> list[float]:
            return _score(components, pool, project.root / "workspace" / "hall", genomes)

        yield score


def _score(
    components: Components, pool: GenePool, folder: Path, genomes: Sequence[Genome]
) -> list[float]:
    fingerprint = components.substrate.fingerprint
    candidates = [Examinee(g, encode(g), fingerprint(g, pool)) for g in genomes]
    programs = programs_for(components.builder(pool), candidates)
    examination = components.world.exam(len(candidates))
    assert examination is not None
    group = sit(components, pool, folder, candidates, programs, examination)
    assert all(scores is not None for scores in group.scores)
    return [scores["error"] for scores in group.scores if scores is not None]


def _talkative(components: Components, pool: GenePool) -> list[Genome]:
    """Founders in whom half of the genes are active, so that each file has a say somewhere."""
    genomes = []
    for number in range(AGENTS):
        rng = random.Random(number)
        agent = components.draws.uuid("test", number)
        genome = components.variation.found(agent, pool, rng)
        files = tuple(_woken(gene, rng) for gene in genome.files)
        genomes.append(replace(genome, files=files))
    return genomes


def _woken(gene: FileGene, rng: random.Random) -> FileGene:
    functions = tuple((name, rng.random() < 0.6) for name, _ in gene.functions)
    return replace(gene, active=True, functions=functions)


@pytest.fixture(scope="module")
def hall_project(lasting: Callable[..., ProjectUnderTest]) -> ProjectUnderTest:
    return lasting()


def test_removing_any_single_gene_file_changes_some_score(hall_project: ProjectUnderTest) -> None:
    opened = open_project(hall_project.root)
    with runs.opened(opened, assemble, "exam") as (components, registry, _):
        pool = open_pool(components, registry)
        genomes = _talkative(components, pool)
    with hall(hall_project) as score:
        whole = score(genomes)
        unchanged = []
        for source in pool.sources:
            without = [_without(genome, source.path) for genome in genomes]
            if score(without) == whole:
                unchanged.append(source.path)
    assert len(pool.sources) >= 12
    assert unchanged == []


def _without(genome: Genome, path: str) -> Genome:
    files = tuple(replace(gene, active=gene.active and gene.path != path) for gene in genome.files)
    return replace(genome, files=files)
