"""Tests of the scan of offered genomes: whatever an agent does in its state/, it alone suffers."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stages_support import Population, snapshot

from evolve_ai.model.agent import Cause, State
from evolve_ai.model.event import Kind
from evolve_ai.model.genome import Genome, encode
from evolve_ai.stages.agent_scan_update import rules_of, scan_folder
from evolve_ai.system.agent_folder import stamp
from evolve_ai.system.content_store import ContentStore


@pytest.fixture
def two(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 2)


def mutant(genome: Genome) -> Genome:
    """The genome after a mutation that counts itself, as a kernel makes it."""
    count = genome.mutations.get("trait_shift", 0) + 1
    traits = {**genome.traits, "mutation_rate": 0.5 / count}
    return replace(genome, traits=traits, mutations={**genome.mutations, "trait_shift": count})


def offer(population: Population, data: bytes, agent: str | None = None) -> Path:
    """As a kernel does: whole, or not at all."""
    state = population.folder(agent) / "state"
    (state / ".genome.bin.new").write_bytes(data)
    return (state / ".genome.bin.new").replace(state / "genome.bin")


def later() -> None:
    """Times of files may tell no less apart than a tick of the kernel's clock, 10 ms at most."""
    time.sleep(0.02)


def test_offered_genome_is_taken_and_told_as_a_mutation(two: Population) -> None:
    changed = mutant(two.genome())
    path = offer(two, encode(changed))
    updated = two.look()
    (event,) = updated.events
    assert (event.kind, event.data["operators"]) == (Kind.MUTATION, ["trait_shift"])
    assert set(updated.rebuilt) == {two.first}
    assert two.genome() == changed
    assert (two.folder() / "genome.bin").read_bytes() == encode(changed)
    assert not path.exists()
    assert two.scan().reports == ()


def test_offer_that_was_taken_but_not_recorded_is_told_by_the_next_scan(two: Population) -> None:
    offer(two, encode(mutant(two.genome())))
    two.scan()  # and killed before the commit
    updated = two.look()
    assert [event.kind for event in updated.events] == [Kind.MUTATION]


def test_offer_upon_an_offer_that_was_not_recorded_is_taken(two: Population) -> None:
    offer(two, encode(mutant(two.genome())))
    two.scan()
    last = mutant(mutant(two.genome()))
    offer(two, encode(last))
    two.look()
    assert two.genome() == last


def test_what_a_kill_leaves_of_an_offer_harms_nobody(two: Population) -> None:
    (two.folder() / "state" / ".genome.bin.new").write_bytes(b"\x81")
    assert two.scan().reports == ()


def test_offer_of_who_crashed_upon_it_revives_it(two: Population) -> None:
    crashed = replace(two.agents[two.first], state=State.QUARANTINED, cause=Cause.CRASH)
    two.agents[two.first] = crashed
    offer(two, encode(mutant(two.genome())))
    assert two.look().agents[two.first].state is State.EMBRYO


def junk(make: Callable[[Path], object]) -> Callable[[Population], None]:
    def spoil(population: Population) -> None:
        make(population.folder() / "state" / "genome.bin")

    return spoil


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def siblings(population: Population) -> Path:
    return population.folder(list(population.agents)[1]) / "genome.bin"


SPOILED = {
    "pipe": (junk(os.mkfifo), "state/genome.bin: it is no regular file"),
    "folder": (junk(Path.mkdir), "state/genome.bin: it is no regular file"),
    "link": (junk(lambda at: at.symlink_to("/dev/zero")), "state/genome.bin: it is a link"),
    "dangling": (junk(lambda at: at.symlink_to("nowhere")), "state/genome.bin: it is a link"),
    "huge": (junk(sparse), "genome.bin: .* at most 65536"),
    "empty": (junk(lambda at: at.write_bytes(b"")), "genome.bin: .* msgpack"),
    "cut": (lambda two: offer(two, encode(two.genome())[:99]), "genome.bin: .* msgpack"),
    "of_another": (
        lambda two: offer(two, siblings(two).read_bytes()),
        "genome.bin: it is the genome of",
    ),
    "hard_link_to_another": (
        lambda two: (two.folder() / "state" / "genome.bin").hardlink_to(siblings(two)),
        "genome.bin: it is the genome of",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_offer_quarantines_its_agent_alone(two: Population, name: str) -> None:
    spoil, reason = SPOILED[name]
    others = snapshot(siblings(two).parent)
    spoil(two)
    updated = two.look()
    spoiled, healthy = updated.agents.values()
    assert (spoiled.state, spoiled.cause) == (State.QUARANTINED, Cause.GENOME)
    assert spoiled.reason is not None
    assert re.search(reason, spoiled.reason), spoiled.reason
    assert healthy.state is State.RUNNING
    assert [event.kind for event in updated.events] == [Kind.QUARANTINE]
    assert two.look().events == (), "told once only"
    assert {path: data for path, (data, *_) in snapshot(siblings(two).parent).items()} == {
        path: data for path, (data, *_) in others.items()
    }


@pytest.mark.parametrize("name", SPOILED)
def test_who_offered_something_spoiled_is_cured_by_hand(two: Population, name: str) -> None:
    spoil, _ = SPOILED[name]
    good = two.genome()
    spoil(two)
    two.look()
    later()
    genome_bin = two.folder() / "genome.bin"
    genome_bin.unlink()  # which may be a sibling's by now, too
    two.write_genome(mutant(good))
    assert two.look().agents[two.first].state is State.EMBRYO
    assert two.genome() == mutant(good)


def test_edit_by_hand_after_an_offer_stands(two: Population) -> None:
    edited = replace(two.genome(), traits={"mutation_rate": 0.9})
    path = offer(two, encode(mutant(two.genome())))
    later()
    fresh = two.folder() / ".genome.fresh"
    fresh.write_bytes(encode(edited))
    os.utime(fresh, (0, 0))  # an old copy that is put back
    fresh.replace(two.folder() / "genome.bin")
    two.look()
    assert two.genome() == edited
    assert not path.exists(), "else the next mutation would go on from it"


def test_offer_stands_where_a_clock_was_set_back(two: Population) -> None:
    offer(two, encode(mutant(two.genome())))
    later()
    (two.folder() / "genome.bin").touch()  # seems to have been written later
    two.look()
    assert two.genome().mutations == {"trait_shift": 1}


def test_offer_stands_where_there_is_no_genome(two: Population) -> None:
    (two.folder() / "genome.bin").unlink()
    offer(two, encode(mutant(two.genome())))
    two.look()
    assert two.genome().mutations == {"trait_shift": 1}


def test_offer_that_is_the_genome_itself_changes_nothing(two: Population) -> None:
    """rename(2) leaves two names of one file as they are."""
    (two.folder() / "state" / "genome.bin").hardlink_to(two.folder() / "genome.bin")
    updated = two.look()
    assert updated.events == ()
    assert updated.agents[two.first].state is State.RUNNING
    assert two.scan().reports == ()


def elsewhere(two: Population) -> Path:
    """A folder beside all agents, with a genome that would do."""
    folder = two.folder().parent.parent / "elsewhere"
    folder.mkdir()
    (folder / "genome.bin").write_bytes(encode(mutant(two.genome())))
    return folder


NO_FOLDER: dict[str, Callable[[Path, Path], object]] = {
    "missing": lambda state, _: None,
    "file": lambda state, _: state.write_bytes(b"x"),
    "link": lambda state, folder: state.symlink_to(folder),
    "circle": lambda state, _: state.symlink_to("state"),
}


@pytest.mark.parametrize("name", NO_FOLDER)
def test_nothing_is_taken_through_what_is_no_folder(two: Population, name: str) -> None:
    folder, state = elsewhere(two), two.folder() / "state"
    before = snapshot(folder)
    state.rmdir()
    NO_FOLDER[name](state, folder)
    updated = two.look()
    assert updated.events == ()
    assert updated.agents[two.first].state is State.RUNNING
    assert snapshot(folder) == before


def test_offer_that_cannot_be_moved_counts_all_the_same(two: Population) -> None:
    changed = mutant(two.genome())
    (two.folder() / "genome.bin").unlink()
    (two.folder() / "genome.bin").mkdir()
    later()
    offer(two, encode(changed))
    two.look()
    assert two.genome() == changed
    assert two.scan().reports == ()


def test_who_only_looks_reads_the_offer_and_moves_nothing(two: Population) -> None:
    changed = mutant(two.genome())
    offer(two, encode(changed))
    before = snapshot(two.folder())
    rules, store = rules_of(two.context), ContentStore(two.context.project.sources)
    report = scan_folder(
        two.folder(), two.first, stamp(two.folder(), rules.stamp_plan()), rules, store.put
    )
    assert report.genome == changed
    assert snapshot(two.folder()) == before


def test_child_is_born_with_an_empty_state(two: Population) -> None:
    state = two.folder() / "state"
    assert state.is_dir()
    assert list(state.iterdir()) == []
