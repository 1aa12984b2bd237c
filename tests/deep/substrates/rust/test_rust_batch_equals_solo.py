"""The differential test: a batch gives the verdicts and behaviour of `cargo build` in each folder.

200 random genomes over the project's own template, genes that use each other, a circle, genes
that do not compile, and small edits of all of them.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

import pytest
from agents_alone import (
    QUICK,
    Life,
    acts_in,
    assert_same,
    cargo_alone,
    error_of,
    errors,
    frames_for,
    live,
)
from random_genomes import COUNTS, SEED, Drawn, draw_all, read_all_kinds
from rust_support import BoxedRust, genome_of, request_of, write_agent

from evolve_ai.model.report import BuildVerdict, GenePool

AS_THE_MANIFEST_SAYS = 8  # agents that are compared at their own profile, too


@dataclass(frozen=True)
class Batch:
    """All genomes, and what became of them in one batch."""

    pool: GenePool
    drawn: tuple[Drawn, ...]
    verdicts: Mapping[int, BuildVerdict]

    def of(self, kind: str) -> list[Drawn]:
        return [one for one in self.drawn if one.kind == kind]


@pytest.fixture(scope="module")
def batch(substrate: BoxedRust, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    pool = read_all_kinds(substrate, folder / "template")
    drawn = tuple(draw_all(pool, substrate))
    builder = substrate.builder(folder / "workspace", pool)
    for one in drawn:
        for code in one.code.values():
            builder.sources.put(code)
    verdicts = builder.build([request_of(substrate, one.genome, pool) for one in drawn])
    return Batch(
        pool, drawn, {one.number: verdict for one, verdict in zip(drawn, verdicts, strict=True)}
    )


class Comparison:
    """One genome in a folder of its own, built there, against its verdict in the batch."""

    def __init__(self, substrate: BoxedRust, batch: Batch, drawn: Drawn, folder: Path):
        self.drawn = drawn
        self.verdict = batch.verdicts[drawn.number]
        self.home = folder / drawn.genome.id
        write_agent(self.home, substrate, drawn.genome, batch.pool, drawn.code)
        self.frames = frames_for(drawn.genome, f"{SEED} {drawn.number}")

    def run(self, environment: Mapping[str, str]) -> Life | None:
        """The life that both led; None when neither could be built."""
        try:
            alone = self._built_alone(environment)
            if self.verdict.program is None:
                self._assert_refused(alone.returncode, alone.stderr)
                return None
            assert alone.returncode == 0, f"{self.drawn}: only the batch builds\n{alone.stderr}"
            lived = self._lived_together()
            if environment and lived != self._lived_alone():
                # Endless recursion, say, is a loop or an overflow, as the optimizer likes.
                self._built_alone({})
            assert lived == self._lived_alone(), f"{self.drawn}: not the same life"
            return lived
        finally:
            shutil.rmtree(self.home)

    def _built_alone(self, environment: Mapping[str, str]) -> CompletedProcess[str]:
        genes = self._genes()
        done = cargo_alone(self.home, **environment)
        assert self._genes() == genes, f"{self.drawn}: a build changed gene files"
        return done

    def _genes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.home / "src" / "genes").iterdir()}

    def _assert_refused(self, code: int, told: str) -> None:
        fault = self.verdict.fault
        assert fault is not None
        assert code != 0, f"{self.drawn}: cargo builds what the batch refuses: {fault.reason}"
        if self.drawn.kind == "used_file_inactive":
            assert "which is not active" in fault.reason, str(self.drawn)
            return
        place, error = error_of(fault.reason)
        shown = {
            (where if ":" in place else where.partition(":")[0], e) for where, e in errors(told)
        }
        assert (place, error) in shown, f"{self.drawn}: {fault.reason}\n{told}"

    def _lived_together(self) -> Life:
        program = self.verdict.program
        assert program is not None
        return self._lived([str(program.file), *program.arguments])

    def _lived_alone(self) -> Life:
        return self._lived([str(self.home / "target/release" / f"agent-{self.drawn.genome.id}")])

    def _lived(self, argv: list[str]) -> Life:
        with TemporaryDirectory(dir=self.home) as folder:
            return live(argv, Path(folder), self.drawn.genome, self.frames)


def compare(
    substrate: BoxedRust,
    batch: Batch,
    drawn: list[Drawn],
    folder: Path,
    environment: Mapping[str, str] = QUICK,
) -> list[Life | None]:
    """Build and run each alone, as many at a time as there are processors."""

    def one(drawn: Drawn) -> Life | None:
        return Comparison(substrate, batch, drawn, folder).run(environment)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(one, drawn))


def test_every_kind_of_genome_is_among_those_compared(batch: Batch, substrate: BoxedRust) -> None:
    assert Counter(one.kind for one in batch.drawn) == COUNTS
    assert sum(COUNTS.values()) == 200
    broken = [one for one in batch.drawn if batch.verdicts[one.number].program is None]
    assert len(broken) >= 200 / 4
    refused = Counter(one.kind for one in broken)
    assert {kind for kind in COUNTS if refused[kind] == 0} == {
        "plain",
        "entwined",
        "broken_file_inactive",
    }
    for kind in ("broken_file_active", "used_file_inactive"):
        # A file whose only fault is the type of its gene builds as long as nobody calls it.
        assert refused[kind] >= COUNTS[kind] - 3, kind
    for kind in ("mutated_file", "mutated_circle"):
        assert 0 < refused[kind] < COUNTS[kind], kind


def test_scan_and_builder_agree_on_the_use_of_an_inactive_file(
    batch: Batch, substrate: BoxedRust
) -> None:
    sources = {source.code: source for source in batch.pool.sources}
    for one in batch.of("used_file_inactive"):
        reason = substrate.viability(one.genome, sources)
        assert reason is not None and "which is not" in reason, str(one)


@pytest.mark.parametrize("kind", COUNTS)
def test_batch_gives_the_verdicts_and_the_lives_of_cargo_in_each_folder(
    kind: str, batch: Batch, substrate: BoxedRust, tmp_path: Path
) -> None:
    drawn = batch.of(kind)
    lives = compare(substrate, batch, drawn, tmp_path)
    lived = [life for life in lives if life is not None]
    built = [one for one in drawn if batch.verdicts[one.number].program is not None]
    assert len(lived) == len(built)
    if kind == "plain":
        acts = [acts_in(life.acts) for life in lived]
        assert all(acts), "every agent acts"
        assert any(act["mutated"] for life in acts for act in life), "some mutate"
        assert len({life.acts for life in lived}) == len(lived), "no two lives are alike"


def test_a_few_are_compared_as_their_own_manifest_says(
    batch: Batch, substrate: BoxedRust, tmp_path: Path
) -> None:
    built = [one for one in batch.drawn if batch.verdicts[one.number].program is not None]
    chosen = built[:: len(built) // AS_THE_MANIFEST_SAYS][:AS_THE_MANIFEST_SAYS]
    assert len({one.kind for one in chosen}) > 3
    lives = compare(substrate, batch, chosen, tmp_path, environment={})
    assert None not in lives


def test_batch_of_one_and_batch_of_many_give_the_same_verdicts(
    batch: Batch, substrate: BoxedRust, tmp_path: Path
) -> None:
    chosen = [batch.of(kind)[0] for kind in ("broken_file_active", "mutated_circle")]
    one_by_one = substrate.builder(tmp_path / "one", batch.pool)
    for one in chosen:
        for code in one.code.values():
            one_by_one.sources.put(code)
        (alone,) = one_by_one.build([request_of(substrate, one.genome, batch.pool)])
        together = batch.verdicts[one.number]
        assert alone.fault == together.fault, str(one)
        assert (alone.program is None) == (together.program is None), str(one)


@pytest.mark.parametrize(
    "active",
    [
        {"ping": ["ping"], "pong": ["pong"], "alpha": ["add"]},
        {"beta": ["scale"], "gamma": ["negate"], "alpha": ["double"]},
        {},
    ],
)
def test_program_of_a_small_kernel_prints_what_it_prints_alone(
    active: dict[str, list[str]],
    substrate: BoxedRust,
    pool: GenePool,
    workspace: Path,
    tmp_path: Path,
) -> None:
    """A kernel of another shape, which prints instead of speaking the protocol."""
    genome = genome_of(pool, active)
    folder = write_agent(tmp_path / "agent", substrate, genome, pool, pool.code)
    (verdict,) = substrate.builder(workspace, pool).build([request_of(substrate, genome, pool)])
    assert_same(verdict, folder, tmp_path / "target")
