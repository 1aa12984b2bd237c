"""Tests of the registry, on real SQLite files."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.agent import AgentRecord, Cause, Metrics, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.errors import NoPopulationError, RegistryError, UnknownAgentError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import InputsChange, RunState
from evolve_ai.model.tally import Counts, Tally, Totals
from evolve_ai.stages.succession import buried
from evolve_ai.state.opening import lay_out
from evolve_ai.state.reader import Reader
from evolve_ai.state.registry import Batch, Registry

ANNA = "aaaaaaaa-0000-4000-8000-000000000001"
BERT = "aaaaaaab-0000-4000-8000-000000000002"
CARL = "c5fcccc0-0000-4000-8000-000000000003"
DORA = "d0000000-0000-4000-8000-000000000004"
EDGAR = "e0000000-0000-4000-8000-000000000005"

counts = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(codec="utf-8"))
reals = st.floats(allow_nan=False)
records = st.builds(
    AgentRecord,
    id=st.uuids().map(str),
    number=counts,
    place=counts,
    state=st.sampled_from([state for state in State if state is not State.DEAD]),
    generation=counts,
    parents=st.lists(st.uuids().map(str), max_size=2).map(tuple),
    born_cycle=counts,
    energy=st.integers(-(2**63), 2**63 - 1),
    founder=st.booleans(),
    age=counts,
    fitness=st.none() | reals,
    scores=st.lists(st.tuples(texts, reals), max_size=3).map(tuple),
    evidence=st.lists(reals, max_size=5).map(tuple),
    genome_hash=texts,
    operators=st.lists(texts, max_size=3).map(tuple),
    metrics=st.builds(Metrics, *[counts] * len(fields(Metrics))),
    mutations=st.lists(st.tuples(texts, counts), max_size=3).map(tuple),
    pid=st.none() | counts,
    lived_tick=st.integers(-1, 2**63 - 1),
    failures=st.lists(counts | reals, max_size=5).map(tuple),
    refusals=counts,
    retry_at=st.none() | counts | reals,
    started_at=st.none() | counts | reals,
    cause=st.none() | texts,
    reason=st.none() | texts,
    cpu_seconds=reals,
    quarantine_cycles=counts,
)


def record(id: str = ANNA, place: int = 0, **changes: object) -> AgentRecord:
    plain = AgentRecord(id, place, place, State.RUNNING, 0, (), 0, 1000)
    return replace(plain, **changes)  # type: ignore[arg-type]


def event(cycle: int, agent: str | None = ANNA) -> Event:
    return Event(Kind.DEATH, cycle, agent, {"cause": "age", "energy": 5})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "registry.sqlite"


def in_memory() -> Registry:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    lay_out(connection)
    return Registry(connection, Path("nowhere"), writes=True)


@given(records)
def test_living_agent_survives_its_rows(one: AgentRecord) -> None:
    with in_memory() as registry:
        for written in (replace(one, energy=1, evidence=(0.5, 0.25)), one):
            registry.commit(Batch(records=[written]), run="r")
        assert registry.living() == {one.id: one}
        again = registry.living()[one.id]
        assert (type(again.state), type(again.founder)) == (State, bool)


@given(records, st.booleans())
def test_dead_agent_keeps_what_still_tells_something(one: AgentRecord, known: bool) -> None:
    dead = buried(one, "age", 7)
    with in_memory() as registry:
        if known:
            registry.commit(Batch(records=[one]), run="r")
        registry.commit(Batch(records=[dead]), run="r")
        assert registry.living() == {}
        assert registry.dead() == [dead]
        assert registry.agent(one.id) == dead


states = st.builds(
    RunState,
    seed=st.none() | counts,
    numbers=counts,
    founder_genes=st.none() | reals,
    tainted=st.none() | texts,
    paused=st.none() | counts,
    tally=st.builds(Tally, counts, st.builds(Counts, counts, counts, counts, counts), counts),
    awaited=st.lists(texts).map(tuple),
    inputs=st.none() | st.just({"settings": {"seed": 1}, "set": ["seed"]}),
    inputs_changed=st.none() | st.builds(InputsChange, counts, st.lists(texts).map(tuple)),
    told=st.lists(st.fixed_dictionaries({"data": texts, "to": st.none() | counts})).map(tuple),
    pool=st.dictionaries(texts, texts),
)


@given(states)
def test_run_state_survives_its_row(state: RunState) -> None:
    with in_memory() as registry:
        registry.commit(Batch(state=state), run="r")
        assert Reader.state.fget(registry) == state  # type: ignore[attr-defined]


def test_run_state_has_a_column_for_each_of_its_fields() -> None:
    with in_memory() as registry:
        columns = registry.connection.execute("PRAGMA table_info(run_state)").fetchall()
    assert {row[1] for row in columns} == {"one", *(one.name for one in fields(RunState))}


summaries = st.builds(
    Summary,
    tick=counts,
    fitness_best=st.none() | reals,
    champion=st.none() | texts,
    builds=st.builds(Counts, counts, counts, counts, counts),
    totals=st.builds(Totals, counts, counts, counts),
    seconds=st.dictionaries(texts, reals),
)


@given(summaries)
def test_cycle_survives_its_row(summary: Summary) -> None:
    with in_memory() as registry:
        cycle = Cycle(3, "digest", summary)
        registry.commit(Batch(cycle=cycle), run="r")
        assert registry.last_cycle() == cycle


def test_whole_batch_is_there_after_reopening(file: Path) -> None:
    with Registry.create(file) as registry:
        told = registry.commit(
            Batch(
                records=[record(), record(BERT, 1, state=State.DEAD)],
                genomes={ANNA: b"genome"},
                memories={ANNA: b"memory"},
                state=RunState(places=2),
                events=[event(1), event(1, None)],
                cycle=Cycle(1, "digest", Summary(tick=46)),
            ),
            run="r1",
        )
    assert [one.seq for one in told] == [1, 2]
    with Registry.read(file) as registry:
        assert registry.living() == {ANNA: record()}
        assert registry.dead() == [record(BERT, 1, state=State.DEAD)]
        assert registry.genome(ANNA) == b"genome"
        assert registry.memories() == {ANNA: b"memory"}
        assert registry.state == RunState(places=2)
        assert registry.last_cycle() == Cycle(1, "digest", Summary(tick=46))
        assert registry.cycle == 1
        assert tuple(registry.events_after(0)) == told
        assert registry.check() == "ok"


def test_batch_that_fails_in_the_middle_leaves_nothing(file: Path) -> None:
    changed = [record(energy=7)]
    broken = [
        Batch(records=[*changed, record(BERT, number=2**63)]),
        Batch(records=[*changed, record(BERT, 1)], genomes={ANNA: None}),  # type: ignore[dict-item]
        Batch(records=changed, genomes={ANNA: b"new", CARL: b"of nobody"}),
        Batch(records=changed, memories={CARL: b"of nobody"}),
        Batch(
            records=[*changed, record(BERT, 1, state=State.DEAD)],
            state=RunState(places=1),
            events=[event(1), Event(Kind.DEATH, 1, ANNA, {"bad": object()})],
        ),
        Batch(changed, cycle=Cycle(1, "d", Summary(seconds={"bad": object()}))),  # type: ignore[dict-item]
    ]
    with Registry.create(file) as registry:
        registry.commit(Batch([record()], {ANNA: b"genome"}, state=RunState(seed=1)), run="r")
        for batch in broken:
            with pytest.raises((TypeError, OverflowError, RegistryError)):
                registry.commit(batch, run="r")
            assert registry.living() == {ANNA: record()}
            assert (registry.state, list(registry.events_after(0))) == (RunState(seed=1), [])
            assert (registry.last_cycle(), registry.deaths()) == (None, {})
            assert registry.genome(ANNA) == b"genome"
        registry.commit(Batch([record(BERT, 1)], events=[event(2, BERT)]), run="r")
        assert [one.id for one in registry.living().values()] == [ANNA, BERT]


def test_individual_is_never_taken_for_another(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.commit(Batch(records=[record()]), run="r")
        with pytest.raises(RegistryError, match="UNIQUE"):
            registry.commit(Batch(records=[record(number=5)]), run="r")
    with Registry.create(file) as registry:
        with pytest.raises(RegistryError, match="another"):
            registry.commit(Batch(records=[record(BERT)]), run="r")
        assert list(registry.living()) == [ANNA]


def test_genome_at_birth_stays_beside_the_current_one(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.commit(Batch(records=[record()]), run="r")
        for data in (b"born", b"later", b"now"):
            registry.commit(Batch(genomes={ANNA: data}), run="r")
        assert (registry.genome(ANNA), registry.genome(ANNA, born=True)) == (b"now", b"born")
        with pytest.raises(RegistryError, match=BERT):
            registry.genome(BERT)


def test_none_forgets_memories(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.commit(Batch([record()], memories={ANNA: b"m"}), run="r")
        registry.commit(Batch(memories={ANNA: None, BERT: None}), run="r")
        assert registry.memories() == {}


def test_reader_beside_a_writer_sees_what_is_committed_and_cannot_write(file: Path) -> None:
    with Registry.create(file) as writer, Registry.read(file) as reader:
        writer.commit(Batch(records=[record()]), run="r")
        assert reader.living() == {ANNA: record()}
        with pytest.raises(RegistryError, match="readonly"):
            reader.commit(Batch(state=RunState(seed=1)), run="r")
        writer.commit(Batch(state=RunState(seed=2)), run="r")
        assert reader.state == writer.state == RunState(seed=2)


def test_many_readers_never_see_half_a_batch(file: Path) -> None:
    wrong: list[str] = []
    over = threading.Event()

    def look() -> None:
        with Registry.read(file) as reader:
            while not over.is_set():
                energies = {one.energy for one in reader.living().values()}
                if len(energies) > 1:
                    wrong.append(str(energies))

    with Registry.create(file) as writer:
        writer.commit(Batch(records=[record(), record(BERT, 1)]), run="r")
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for energy in range(150):
            batch = Batch(records=[record(energy=energy), record(BERT, 1, energy=energy)])
            writer.commit(batch, run="r")
        over.set()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("open", [Registry.create, Registry.read])
def test_file_that_is_no_registry_is_refused(file: Path, open: object) -> None:
    file.parent.mkdir()
    file.write_bytes(b"this is no database, but long enough to look like one" * 100)
    with pytest.raises(RegistryError, match="not a database") as error:
        open(file)  # type: ignore[operator]
    assert error.value.where == str(file)
    assert "evolve life-cycle" in (error.value.todo or "")


@pytest.mark.parametrize("open", [Registry.create, Registry.read])
def test_registry_of_another_version_is_refused_and_left_alone(file: Path, open: object) -> None:
    with Registry.create(file) as registry:
        registry.connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(RegistryError, match=r"another version \(schema 99, this program reads 6"):
        open(file)  # type: ignore[operator]
    with sqlite3.connect(file) as connection:
        assert (
            connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0] == "99"
        )


def test_damaged_page_is_told_as_a_registry_error(file: Path) -> None:
    with Registry.create(file) as registry:
        many = [record(f"{n:08x}-0000-4000-8000-000000000000", n) for n in range(500)]
        registry.commit(Batch(records=many), run="r")
    data = bytearray(file.read_bytes())
    data[4096:-4096] = b"\xff" * (len(data) - 8192)
    file.write_bytes(data)
    with pytest.raises(RegistryError, match="registry refuses"), Registry.read(file) as registry:
        registry.living()


def test_project_without_registry_has_no_agents(file: Path) -> None:
    with pytest.raises(NoPopulationError):
        Registry.read(file)
    assert not file.exists()


def test_registry_that_was_being_made_has_no_agents_yet(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    with pytest.raises(NoPopulationError):
        Registry.read(file)


@pytest.fixture
def three(file: Path) -> Iterator[Registry]:
    with Registry.create(file) as registry:
        registry.commit(Batch(records=[record(), record(BERT, 1), record(CARL, 2)]), run="r")
        yield registry


@pytest.mark.parametrize("prefix", ["c", "C5F", CARL, CARL.upper()])
def test_agent_is_found_by_the_beginning_of_its_id(three: Registry, prefix: str) -> None:
    assert three.agent(prefix).id == CARL


def test_beginning_of_several_ids_is_refused_with_their_beginnings(three: Registry) -> None:
    with pytest.raises(UnknownAgentError, match=r"aaaaaaaa-0000, aaaaaaab-0000"):
        three.agent("aaaaaaa")


@pytest.mark.parametrize(
    "prefix",
    ["", "%", "_", "%5f", "c%", "c_f", "\\", "' OR 1=1 --", "x", CARL + "0", "\udcff", "c\0"],
)
def test_hostile_beginning_names_nobody(three: Registry, prefix: str) -> None:
    with pytest.raises(UnknownAgentError, match="no agent's id begins with"):
        three.agent(prefix)


def test_children_are_found_by_either_parent(three: Registry) -> None:
    child = record("dddddddd-0000-4000-8000-000000000004", 3, parents=(ANNA, CARL))
    three.commit(Batch(records=[child]), run="r")
    assert three.children(ANNA) == three.children(CARL) == [child.id]
    assert three.children(BERT) == []


def test_old_events_are_forgotten_and_numbers_go_on(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.forget_events(5)
        registry.commit(Batch(events=[event(n) for n in range(20)]), run="r")
        registry.forget_events(5)
        assert [one.seq for one in registry.events_after(0)] == [16, 17, 18, 19, 20]
        registry.forget_events(0)
        assert list(registry.events_after(0)) == []
    with Registry.create(file) as registry:
        assert [one.seq for one in registry.commit(Batch(events=[event(1)]), run="r")] == [21]


def test_many_events_are_read_in_order_and_whole(file: Path) -> None:
    with Registry.create(file) as registry:
        told = registry.commit(Batch(events=[event(n) for n in range(2500)]), run="r")
        assert tuple(registry.events_after(0)) == told
        assert tuple(registry.events_after(2499)) == told[2499:]
        assert registry.events_of(ANNA, limit=3) == list(told[-3:])
        assert registry.events_of(BERT) == []


def test_counts_and_founders(three: Registry) -> None:
    founder = record(DORA, 3, founder=True, fitness=0.25)
    other = record(EDGAR, 4, founder=True, fitness=0.75)
    three.commit(Batch(records=[founder, other]), run="r")
    three.commit(Batch(records=[replace(founder, cause=Cause.AGE, state=State.DEAD)]), run="r")
    assert (three.count("dead"), three.count("running")) == (1, 4)
    assert [one.id for one in three.founders()] == [DORA, EDGAR]
    assert three.founders_fitness() == (2, 0.75, 0.5)
    assert (three.knows(ANNA), three.knows("x")) == (True, False)


def test_deaths_are_counted_once_each(three: Registry) -> None:
    dead = [record(ANNA, state=State.DEAD, cause=Cause.AGE), record(BERT, 1, state=State.DEAD)]
    for _ in range(2):  # written again, they have not died again
        three.commit(Batch(records=dead), run="r")
        assert three.deaths() == {"None": 1, "age": 1}


def test_reports_look_at_none_of_the_dead(three: Registry, file: Path) -> None:
    asked: list[str] = []
    with Registry.read(file) as reader:
        reader.connection.set_trace_callback(asked.append)
        reader.rows(["id", "state", "parents"])
        reader.living()
        reader.deaths()
        reader.founders_fitness()
        reader.agent(ANNA[:8])
        reader.last_cycle()
        reader.children(ANNA)
        reader.state  # noqa: B018
        reader.memories()
        reader.connection.set_trace_callback(None)
        plans = {
            query: [str(row[3]) for row in reader._all(f"EXPLAIN QUERY PLAN {query}")]
            for query in asked
        }
    assert len(plans) >= 9
    may_be_scanned = {"l", "deaths", "cycles", "run_state", "m", "(subquery-1)"}
    for query, steps in plans.items():
        if "past_lives l" in query:
            may_be_scanned -= {"l"}
        scanned = {step.split()[1] for step in steps if step.startswith("SCAN")}
        if "WHERE i.founder" in query:  # an index of the founders alone
            assert "SCAN i USING COVERING INDEX individuals_founder" in steps
            scanned -= {"i"}
        assert scanned <= may_be_scanned, (query, steps)
        may_be_scanned |= {"l"}


def test_registry_where_nothing_can_be_written_is_read_and_gets_no_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "disc? no #1" / "registry.sqlite"
    with Registry.create(file) as registry:
        registry.commit(Batch(state=RunState(seed=7)), run="r")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with Registry.read(file) as registry:
        assert registry.state.seed == 7
        assert [path.name for path in file.parent.iterdir()] == [file.name]
    with Registry.create(file) as writer:
        writer.commit(Batch(state=RunState(seed=8)), run="r")
        with Registry.read(file) as registry:
            assert registry.state.seed == 8


def test_numbers_that_are_skipped_before_the_first_event_are_not_given(tmp_path: Path) -> None:
    for _ in range(2):
        with Registry.create(tmp_path / "registry.sqlite") as registry:
            registry.skip_events(50)
            registry.skip_events(20)
            assert registry.last_seq() == 50
    with Registry.create(tmp_path / "registry.sqlite") as registry:
        (recorded,) = registry.commit(Batch(events=[Event(Kind.TAINT, 0, None, {})]), "run")
        assert recorded.seq == 51
