"""The differential test: a batch gives the verdicts and behaviour of `cargo build` in each folder.

Random genomes over the project's own template, over genes that do not compile, and over a circle.
"""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from rust_support import TEMPLATE, copy_template, genome_of, request_of, write_agent

from evolve_ai.model.genome import Genome
from evolve_ai.model.report import BuildVerdict, GenePool
from evolve_ai.substrates.rust.substrate import RustSubstrate

GENOMES = 6
BROKEN = (
    b"use crate::kernel::Agent;\n\n"
    b"pub fn bend(agent: &mut Agent) {\n    agent.no_such_method();\n}\n"
)
USER = (
    b"use crate::genes::right;\nuse crate::kernel::Agent;\n\n"
    b"pub struct Step(pub u32);\n\n"
    b"pub fn left(agent: &mut Agent) {\n    right::fall(agent, Step(3));\n}\n\n"
    b"pub fn rise(agent: &mut Agent, step: Step) {\n"
    b"    if step.0 > 0 {\n        right::fall(agent, Step(step.0 - 1));\n    }\n}\n"
)
USED = (
    b"use crate::genes::left::{self, Step};\nuse crate::kernel::Agent;\n\n"
    b"pub fn right(agent: &mut Agent) {\n    fall(agent, Step(2));\n}\n\n"
    b"pub fn fall(agent: &mut Agent, step: Step) {\n    left::rise(agent, step);\n}\n"
)
EXTRA = (("broken", BROKEN), ("left", USER), ("right", USED))


@pytest.fixture(scope="module")
def gene_pool(substrate: RustSubstrate, tmp_path_factory: pytest.TempPathFactory) -> GenePool:
    template = copy_template(tmp_path_factory.mktemp("real") / "template", start=TEMPLATE)
    for name, code in EXTRA:
        (template / "src" / "genes" / f"{name}.rs").write_bytes(code)
    return substrate.read_pool(template)


@pytest.fixture(scope="module")
def small_pool(substrate: RustSubstrate, tmp_path_factory: pytest.TempPathFactory) -> GenePool:
    template = copy_template(tmp_path_factory.mktemp("small") / "template")
    for name, code in EXTRA:
        (template / "src" / "genes" / f"{name}.rs").write_bytes(code)
    return substrate.read_pool(template)


def random_genome(pool: GenePool, rng: random.Random, number: int) -> Genome:
    sources = rng.sample(pool.sources, len(pool.sources))
    share = {"broken": 0.3, "left": 0.5, "right": 0.9}
    active = {}
    for source in sources:
        module = source.path.split("/")[-1][:-3]
        if rng.random() < share.get(module, 0.6):
            genes = rng.sample(source.genes, len(source.genes))
            active[module] = [name for name in genes if rng.random() < 0.5]
    return genome_of(pool, active, number=number)


def cargo_alone(folder: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cargo", "build", "--release", "--offline"],
        cwd=folder,
        env={**os.environ, "CARGO_TARGET_DIR": str(target), "CARGO_TERM_COLOR": "never"},
        capture_output=True,
        text=True,
    )


def first_error(output: str) -> str:
    """The first error in a gene file, in the words of a verdict: "file:line: error[E…]"."""
    found = re.search(r"(error(?:\[E\d+\])?): .*\n +--> (src/genes/\w+\.rs:\d+)", output)
    return f"{found.group(2)}: {found.group(1)}" if found else output


def behaviour(argv: list[str], name: str) -> tuple[int, bytes]:
    """What a program does that nobody speaks to: its end, and what it says of itself."""
    done = subprocess.run(
        [name, *argv[1:]],
        executable=argv[0],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        close_fds=True,
    )
    return done.returncode, done.stdout


def assert_same(verdict: BuildVerdict, folder: Path, target: Path) -> None:
    alone = cargo_alone(folder, target)
    if verdict.program is None:
        assert verdict.fault is not None
        assert alone.returncode != 0, f"cargo builds what the batch refuses: {verdict.fault}"
        assert verdict.fault.reason.startswith(first_error(alone.stderr))
        return
    assert alone.returncode == 0, alone.stderr
    name = f"agent-{verdict.agent}"
    batch = [str(verdict.program.file), *verdict.program.arguments]
    assert behaviour(batch, name) == behaviour([str(target / "release" / name)], name)


def test_batch_gives_the_verdicts_of_cargo_in_each_folder(
    substrate: RustSubstrate, gene_pool: GenePool, tmp_path: Path
) -> None:
    rng = random.Random(7)
    sources = {source.code: source for source in gene_pool.sources}
    drawn = (random_genome(gene_pool, rng, number) for number in range(1, 200))
    viable = [genome for genome in drawn if substrate.viability(genome, sources) is None][:GENOMES]
    builder = substrate.builder(tmp_path / "workspace", gene_pool)
    verdicts = builder.build([request_of(substrate, genome, gene_pool) for genome in viable])
    assert {verdict.program is None for verdict in verdicts} == {True, False}
    for genome, verdict in zip(viable, verdicts, strict=True):
        folder = tmp_path / genome.id
        write_agent(folder, substrate, genome, gene_pool, gene_pool.code)
        before = {path: path.read_bytes() for path in (folder / "src" / "genes").iterdir()}
        assert_same(verdict, folder, tmp_path / "target")
        assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "active",
    [
        {"ping": ["ping"], "pong": ["pong"], "alpha": ["add"]},
        {"beta": ["scale"], "gamma": ["negate"], "alpha": ["double"]},
        {"gamma": ["negate"], "alpha": ["add", "double"], "beta": ["scale"]},
        {},
    ],
)
def test_program_of_a_batch_prints_what_the_program_alone_prints(
    active: dict[str, list[str]],
    substrate: RustSubstrate,
    pool: GenePool,
    workspace: Path,
    tmp_path: Path,
) -> None:
    genome = genome_of(pool, active)
    folder = write_agent(tmp_path / "agent", substrate, genome, pool, pool.code)
    (verdict,) = substrate.builder(workspace, pool).build([request_of(substrate, genome, pool)])
    assert_same(verdict, folder, tmp_path / "target")


def test_batch_of_one_and_batch_of_many_give_the_same_verdicts(
    substrate: RustSubstrate, small_pool: GenePool, tmp_path: Path
) -> None:
    genomes = [
        genome_of(small_pool, {"broken": []}, number=1),
        genome_of(small_pool, {"right": ["right"], "left": [], "broken": ["bend"]}, number=2),
        genome_of(small_pool, {"right": ["right"], "left": []}, number=3),
    ]
    requests = [request_of(substrate, genome, small_pool) for genome in genomes]
    together = substrate.builder(tmp_path / "many", small_pool).build(requests)
    one_by_one = substrate.builder(tmp_path / "one", small_pool)
    alone = [one_by_one.build([request])[0] for request in requests]
    assert [one.fault for one in together] == [one.fault for one in alone]
    assert [one.program is None for one in together] == [True, True, False]
