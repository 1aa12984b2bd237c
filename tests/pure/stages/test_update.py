"""Tests of what a scan means for the agents: mutation, quarantine, revival."""

from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
from stages_support import Population

from evolve_ai.model.agent import Cause, Fault, State
from evolve_ai.model.event import Kind
from evolve_ai.model.genome import Genome, decode
from evolve_ai.stages.update import quarantine


@pytest.fixture
def two(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 2)


def flipped(genome: Genome, **counts: int) -> tuple[Genome, str]:
    """The genome with the first function of its last file turned over, and the change in words."""
    gene = genome.files[-1]
    name, active = gene.functions[0]
    functions = ((name, not active), *gene.functions[1:])
    files = (*genome.files[:-1], replace(gene, functions=functions))
    word = f"{'-' if active else '+'}{gene.stem}::{name}"
    return replace(genome, files=files, mutations=counts), word


def test_mutation_is_told_with_its_operator_and_change(two: Population) -> None:
    genome, word = flipped(two.genome(), function_flip=1)
    two.write_genome(genome)
    updated = two.look()
    (told,) = updated.events
    assert (told.kind, told.agent) == (Kind.MUTATION, two.first)
    assert told.data == {"operators": ["function_flip"], "changes": [word]}
    record = updated.agents[two.first]
    assert record.mutations == (("function_flip", 1),)
    assert record.active_genes == sum(1 for _ in genome.active_genes())
    assert set(updated.rebuilt) == set(updated.genomes) == {two.first}


def test_change_without_a_count_was_made_by_hand(two: Population) -> None:
    genome, word = flipped(two.genome())
    two.write_genome(genome)
    (told,) = two.look().events
    assert told.data == {"operators": ["by_hand"], "changes": [word]}


def test_registry_gets_the_very_bytes_that_the_agent_wrote(two: Population) -> None:
    body = msgpack.unpackb(two.genomes[two.first])
    data = msgpack.packb({"zeal": [1, {"a": None}], **body})
    two.write_genome(data)
    assert two.look().genomes == {two.first: data}


def test_agent_cannot_change_who_it_is(two: Population) -> None:
    genome, _ = flipped(two.genome())
    two.write_genome(replace(genome, generation=2**63 - 1, parents=(genome.id, genome.id)))
    before = two.agents[two.first]
    after = two.look().agents[two.first]
    assert (after.generation, after.parents) == (before.generation, before.parents)


def test_broken_genome_keeps_the_last_good_one(two: Population) -> None:
    before = two.agents[two.first]
    two.write_genome(b"nonsense")
    updated = two.look()
    after = updated.agents[two.first]
    assert (after.state, after.cause) == (State.QUARANTINED, "genome")
    assert (after.genome_hash, updated.genomes, updated.rebuilt) == (before.genome_hash, {}, {})


def test_mended_genome_ends_the_quarantine(two: Population) -> None:
    good = two.genomes[two.first]
    two.write_genome(b"nonsense")
    two.look()
    two.write_genome(good)
    updated = two.look()
    after = updated.agents[two.first]
    assert (after.state, after.cause, after.reason) == (State.EMBRYO, None, None)
    assert set(updated.rebuilt) == {two.first}
    assert updated.events == ()


def crashed(two: Population) -> None:
    record = replace(two.agents[two.first], failures=(1, 2, 3, 4, 5), consecutive_failures=5)
    two.agents[two.first], _ = quarantine(record, Fault(Cause.CRASH, "exit code 101"), 9)


def test_new_genome_ends_quarantine_for_crashes(two: Population) -> None:
    crashed(two)
    genome, _ = flipped(two.genome())
    two.write_genome(genome)
    after = two.look().agents[two.first]
    assert (after.state, after.failures, after.consecutive_failures) == (State.EMBRYO, (), 0)


def test_rewriting_the_same_genome_does_not_end_quarantine_for_crashes(two: Population) -> None:
    crashed(two)
    two.write_genome(two.genomes[two.first])
    updated = two.look()
    assert updated.agents[two.first].state is State.QUARANTINED
    assert updated.rebuilt == {}


def test_new_genome_ends_the_wait_after_a_crash(two: Population) -> None:
    record = replace(
        two.agents[two.first],
        state=State.WAITING,
        failures=(1, 2),
        consecutive_failures=2,
        retry_at=90,
        cause="crash",
    )
    two.agents[two.first] = record
    assert two.look().agents[two.first] == record
    genome, _ = flipped(two.genome())
    two.write_genome(genome)
    after = two.look().agents[two.first]
    assert (after.state, after.failures, after.consecutive_failures) == (State.EMBRYO, (), 0)
    assert (after.retry_at, after.cause) == (None, None)


def test_new_genome_of_who_runs_or_was_stopped_leaves_its_failures(two: Population) -> None:
    genome, _ = flipped(two.genome())
    for state in (State.RUNNING, State.WAITING):
        record = replace(two.agents[two.first], state=state, failures=(1,), consecutive_failures=1)
        two.agents[two.first] = record
        genome, _ = flipped(genome)
        two.write_genome(genome)
        after = two.look().agents[two.first]
        assert (after.state, after.consecutive_failures) == (state, 1)


def test_quarantine_is_told_once_for_each_reason(two: Population) -> None:
    record, told = quarantine(two.agents[two.first], Fault(Cause.CRASH, "one"), 3)
    assert [event.data for event in told] == [{"cause": "crash", "reason": "one"}]
    record, told = quarantine(record, Fault(Cause.CRASH, "one"), 4)
    assert told == ()
    record, told = quarantine(record, Fault(Cause.HANG, "two"), 5)
    assert len(told) == 1


def test_agent_that_nobody_knew_the_genome_of_is_still_updated(two: Population) -> None:
    two.genomes[two.first] = b"lost"
    genome, _ = flipped(decode((two.folder() / "genome.bin").read_bytes()))
    two.write_genome(genome)
    updated = two.look()
    assert updated.events == ()
    assert set(updated.genomes) == {two.first}
