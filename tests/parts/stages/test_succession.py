"""Tests of births and deaths, and of folders that stand whole or not at all."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import VARIATION, Population, context_in, found, snapshot

from evolve_ai.model.agent import State
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Kind
from evolve_ai.model.genome import Genome, decode, encode
from evolve_ai.model.report import GenePool
from evolve_ai.model.selection import Verdicts
from evolve_ai.stages.birth import UNBORN, bear
from evolve_ai.stages.succession import Succeeded, succeed
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.removal import ASIDE


@pytest.fixture
def four(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 4)


def carried_out(population: Population, verdicts: Verdicts, **changes: object) -> Succeeded:
    plain = {
        "variation": VARIATION,
        "genome_of": population.genome,
        "endowment": 500,
        "first_number": 4,
        "places": 4,
    }
    more = {**plain, **changes}
    return succeed(population.context, population.agents, verdicts, **more)  # type: ignore[arg-type]


def test_child_takes_the_lowest_free_place_and_its_first_parent_pays(four: Population) -> None:
    a, b, c, d = four.agents
    done = carried_out(four, Verdicts(((c, "age"), (b, "starved")), ((d, a), (a,))))
    one, other = done.born
    assert (one.place, other.place) == (1, 2)
    assert (one.number, other.number) == (4, 5)
    assert (one.parents, other.parents) == ((d, a), (a,))
    assert (one.energy, one.state, one.founder) == (500, State.EMBRYO, False)
    assert done.living[d].energy == four.agents[d].energy - 500
    assert set(done.living) == {a, d, one.id, other.id}
    assert sum(r.energy for r in done.living.values()) == 2 * 46_000


def test_dead_keep_their_story(four: Population) -> None:
    a, *_ = four.agents
    four.agents[a] = replace(four.agents[a], pid=7, fitness=0.5, age=9)
    (dead,) = carried_out(four, Verdicts(((a, "age"),))).dead
    assert (dead.state, dead.cause, dead.pid, dead.fitness, dead.age) == (
        State.DEAD,
        "age",
        None,
        0.5,
        9,
    )
    assert dead.died_cycle == four.context.cycle
    assert four.folder(a).is_dir(), "folders go when the deaths have been recorded, not before"


def test_deaths_and_births_are_told(four: Population) -> None:
    a, b, *_ = four.agents
    done = carried_out(four, Verdicts(((a, "age"),), ((b,),)))
    death, birth = done.events
    assert (death.kind, death.agent, death.data["cause"]) == (Kind.DEATH, a, "age")
    assert (birth.kind, birth.agent) == (Kind.BIRTH, done.born[0].id)
    assert birth.data["parents"] == [b]
    assert birth.data["operators"][0] == "clone"


def test_children_stand_in_folders_that_need_nothing_more(four: Population) -> None:
    a, b, *_ = four.agents
    done = carried_out(four, Verdicts((), ((a, b), (b,))), places=6)
    four.agents = dict(done.living)
    four.genomes |= done.genomes
    before = {one.id: snapshot(four.folder(one.id)) for one in done.born}
    updated = four.look()
    assert {one.id: snapshot(four.folder(one.id)) for one in done.born} == before
    for one in done.born:
        assert (four.folder(one.id) / "genome.bin").read_bytes() == done.genomes[one.id]
        assert updated.agents[one.id].reason is None
    assert updated.events == ()


def test_more_births_than_places_are_cut_short(four: Population) -> None:
    a, *_ = four.agents
    done = carried_out(four, Verdicts((), ((a,),) * 9), places=6)
    assert [one.place for one in done.born] == [4, 5]
    assert done.living[a].energy == 46_000 - 2 * 500


def test_same_verdicts_have_the_same_children(four: Population, tmp_path: Path) -> None:
    twin = Population.of(tmp_path / "twin", 4)
    twin.agents = dict(reversed(twin.agents.items()))
    a, b, *_ = four.agents
    verdicts = Verdicts(((a, "age"),), ((b,),))
    one, other = carried_out(four, verdicts), carried_out(twin, verdicts)
    assert one.genomes == other.genomes
    assert one.born == other.born


def test_parent_that_lies_about_its_generation_is_not_believed(four: Population) -> None:
    a, *_ = four.agents
    lie = replace(four.genome(a), generation=2**63 - 1)
    done = carried_out(four, Verdicts((), ((a,),)), places=5, genome_of=lambda _: lie)
    assert done.born[0].generation == 1


class Monstrous:
    """A variation whose children are too large, but for every second."""

    def __init__(self) -> None:
        self.count = 0

    def conceive(
        self, agent: str, parents: Sequence[Genome], pool: GenePool, rng: random.Random
    ) -> tuple[Genome, tuple[str, ...]]:
        self.count += 1
        child, operators = VARIATION.conceive(agent, parents, pool, rng)
        if self.count % 2:
            child = replace(child, traits={f"trait{n}": 0.5 for n in range(5000)})
        return child, operators


def test_child_that_cannot_be_written_is_not_born_and_costs_nothing(four: Population) -> None:
    a, b, *_ = four.agents
    done = carried_out(four, Verdicts((), ((a,), (b,))), places=6, variation=Monstrous())
    assert [one.parents for one in done.born] == [(b,)]
    assert done.living[a].energy == 46_000


def laid_aside(population: Population, agent: str) -> str:
    aside = population.context.project.agents / ASIDE
    aside.mkdir(exist_ok=True)
    population.folder(agent).rename(aside / agent)
    return agent


def test_child_in_the_folder_of_a_dead_agent_is_the_same(four: Population, tmp_path: Path) -> None:
    twin = Population.of(tmp_path / "twin", 4)
    a, b, *_ = four.agents
    (four.folder(a) / "state" / "x").touch()
    (four.folder(a) / "src" / "genes" / "strange.rs").write_text("fn x() {}")
    inodes = {path.stat().st_ino for path in four.folder(a).rglob("*.rs")}
    spare = laid_aside(four, a)
    verdicts = Verdicts(((a, "age"),), ((b,), (b,)))
    one = carried_out(four, verdicts, places=5, spare=lambda count: (spare,)[:count])
    other = carried_out(twin, verdicts, places=5)
    assert one.born == other.born
    for child in one.born:
        here, there = four.folder(child.id), twin.folder(child.id)
        assert {name: told[0] for name, told in snapshot(here).items()} == {
            name: told[0] for name, told in snapshot(there).items()
        }
        assert not list((here / "state").iterdir())
    reused = {path.stat().st_ino for path in four.folder(one.born[0].id).rglob("*.rs")}
    assert len(reused & inodes) == len(reused)
    assert not list((four.context.project.agents / ASIDE).iterdir())


@pytest.mark.parametrize("spare", ["gone", "file", "link"])
def test_child_has_a_folder_even_if_none_is_aside(four: Population, spare: str) -> None:
    a, *_ = four.agents
    elsewhere = four.context.project.root / "elsewhere"
    elsewhere.mkdir()
    aside = four.context.project.agents / ASIDE
    aside.mkdir()
    (aside / "file").touch()
    (aside / "link").symlink_to(elsewhere)
    done = carried_out(four, Verdicts((), ((a,),)), places=5, spare=lambda count: (spare,))
    folder = four.folder(done.born[0].id)
    assert (folder / "genome.bin").read_bytes() == done.genomes[done.born[0].id]
    assert not folder.is_symlink()
    assert not list(elsewhere.iterdir())


def test_leftover_of_an_interrupted_birth_is_replaced(four: Population) -> None:
    context = four.context
    genome = found(context, 5)[4]
    for leftover in (f"{UNBORN}{genome.id}", genome.id):
        (context.project.agents / leftover / "src").mkdir(parents=True)
        (context.project.agents / leftover / "src" / "half").write_text("x")
    bear(context, (genome,))
    folder = context.project.agent(genome.id)
    assert not (folder / "src" / "half").exists()
    assert decode((folder / "genome.bin").read_bytes()) == genome
    assert not list(context.project.agents.glob(f"{UNBORN}*"))


@pytest.mark.parametrize("kind", ["file", "link", "empty folder", "pipe"])
def test_whatever_stands_in_the_place_of_a_newborn_is_replaced(four: Population, kind: str) -> None:
    context = four.context
    genome = found(context, 5)[4]
    elsewhere = context.project.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    make: dict[str, Callable[[Path], object]] = {
        "file": Path.touch,
        "link": lambda path: path.symlink_to(elsewhere),
        "empty folder": Path.mkdir,
        "pipe": os.mkfifo,
    }
    for name in (f"{UNBORN}{genome.id}", genome.id):
        make[kind](context.project.agents / name)
    bear(context, (genome,))
    folder = context.project.agent(genome.id)
    assert not folder.is_symlink()
    assert decode((folder / "genome.bin").read_bytes()) == genome
    assert (elsewhere / "kept").exists()


def test_lost_code_ends_a_birth_with_words_and_without_a_folder(four: Population) -> None:
    shutil.rmtree(four.context.project.sources)
    genome = found(four.context, 5)[4]
    with pytest.raises(EvolveError, match="no gene code") as error:
        bear(four.context, (genome,))
    assert error.value.todo
    assert not four.context.project.agent(genome.id).exists()


BEARING = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from stages_support import bear, context_in, found
context = context_in(Path({root!r}))
print("ready", flush=True)
bear(context, found(context, 2000))
"""


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4])
def test_kill_in_the_middle_leaves_no_half_agent(tmp_path: Path, seconds: float) -> None:
    context_in(tmp_path)
    script = BEARING.format(tests=str(Path(__file__).parents[2] / "stages"), root=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
    names = {path.name for path in (tmp_path / "agents").iterdir()}
    whole = {name for name in names if not name.startswith(UNBORN)}
    assert len(names - whole) <= 1
    genomes = {genome.id: genome for genome in found(context_in(tmp_path), 2000)}
    expected = {"genome.bin", "Cargo.toml", "src/main.rs", "src/genes/alpha.rs", "src/lib.rs"}
    for name in whole:
        files = snapshot(tmp_path / "agents" / name)
        assert expected <= set(files)
        assert files["genome.bin"][0] == encode(genomes[name])
    store = ContentStore(tmp_path / "workspace" / "store" / "sources")
    assert all(store.has(gene.code) for gene in next(iter(genomes.values())).files)
