"""Registries of older versions: brought up to date whole or not at all, and read as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from killed_at_statements import registries_killed_in
from old_registry import CYCLE, DIGEST, OLDER, registry_of_version

from evolve_ai.model.agent import State
from evolve_ai.model.errors import RegistryError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import decode
from evolve_ai.state import upgrades
from evolve_ai.state.copies import Copies, damage
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.state.standing import Relation, relation


def story(registry: Registry) -> dict[str, object]:
    """All that a registry tells, but what versions before could not know."""
    return {
        "living": registry.living(),
        "dead": registry.dead(),
        "founders": registry.founders(),
        "deaths": registry.deaths(),
        "fitness": registry.founders_fitness(),
        "memories": registry.memories(),
        "cycle": registry.last_cycle(),
        "events": tuple(registry.events_after(0)),
        "genomes": {one.id: registry.genome(one.id) for one in registry.founders()},
        "state": registry.state,
    }


@pytest.fixture(scope="module")
def of_version_4(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    with Registry.read(registry_of_version("4", tmp_path_factory.mktemp("4"))) as registry:
        return story(registry)


def test_everything_is_known_that_was(of_version_4: dict[str, object], tmp_path: Path) -> None:
    path = registry_of_version("4", tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT id, state, born, current FROM agents JOIN genomes USING (id)"
        )
        genomes = {agent: (state, born, current) for agent, state, born, current in rows}
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        events = connection.execute("SELECT count(*), max(seq) FROM events").fetchone()
    with Registry.create(path) as registry:
        assert {one.id for one in registry.living().values()} == {
            agent for agent, (state, _, _) in genomes.items() if state != State.DEAD
        }
        for agent, (_, born, current) in genomes.items():
            assert registry.genome(agent, born=True) == born
            assert registry.genome(agent) == current
            assert registry.agent(agent).parents == tuple(decode(born).parents)
        state = registry.state
        assert (str(state.seed), str(state.places), str(state.numbers), str(state.epoch)) == (
            meta["seed"], meta["places"], meta["numbers"], meta["epoch"],
        )  # fmt: skip
        assert repr(state.founder_genes) == meta["founder_genes"]
        assert (state.paused, state.fixed_hash) == (CYCLE, meta["fixed_hash"])
        last = registry.last_cycle()
        assert last is not None
        assert (last.number, last.digest) == (CYCLE, DIGEST)
        assert (len(list(registry.events_after(0))), registry.last_seq()) == events
        active = registry.connection.execute(
            "SELECT agent, count(*) FROM active_genes GROUP BY agent"
        )
        assert dict(active) == {one.id: one.active_genes for one in registry.living().values()}
        runs = registry.connection.execute("SELECT count(*) FROM run_list").fetchone()
        assert runs == (6,)


@pytest.mark.parametrize("version", OLDER)
def test_older_registry_is_read_as_it_is(
    version: str, tmp_path: Path, of_version_4: dict[str, object]
) -> None:
    path = registry_of_version(version, tmp_path)
    before = path.read_bytes()
    with Registry.read(path) as registry:
        assert story(registry) == of_version_4
        with pytest.raises(RegistryError, match="readonly"):
            registry.commit(Batch(events=[Event(Kind.COMMAND, 1)]), "run")
    assert path.read_bytes() == before
    assert not list(path.parent.glob("registry.version*"))


@pytest.mark.parametrize("version", OLDER)
def test_older_registry_is_brought_up_to_date_once_and_kept_as_it_was(
    version: str, tmp_path: Path, of_version_4: dict[str, object]
) -> None:
    path = registry_of_version(version, tmp_path)
    kept = path.with_name(f"registry.version-{version}.sqlite")
    with Registry.create(path) as registry:
        assert kept.name in (registry.state.news or "")
        upgraded = story(registry) | {"state": of_version_4["state"]}
        assert upgraded == of_version_4
        assert registry.check() == "ok"
    with Registry.read(kept) as registry:
        assert story(registry) == of_version_4
    at = kept.stat().st_mtime_ns
    with Registry.create(path) as registry:
        before = list(registry.living().values())
        registry.commit(Batch(before, events=[Event(Kind.COMMAND, 1)]), "run")
        assert list(registry.living().values()) == before
        assert [one.seq for one in registry.events_after(of_version_4["events"][-1].seq)] == [  # type: ignore[index]
            of_version_4["events"][-1].seq + 1  # type: ignore[index]
        ]
    assert kept.stat().st_mtime_ns == at


def test_kill_at_any_moment_leaves_the_old_registry_or_the_new_one(
    tmp_path: Path, of_version_4: dict[str, object]
) -> None:
    source = registry_of_version("1", tmp_path / "source")
    target = tmp_path / "target"
    target.mkdir()
    watched, versions = "evolve_ai.state.upgrades:upgrade", []
    for path in registries_killed_in(watched, target, source=source, each=7):
        assert damage(path) is None
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT value FROM meta WHERE key = 'schema'"
            versions.append(connection.execute(query).fetchone()[0])
        with Registry.create(path) as registry:
            assert story(registry) | {"state": of_version_4["state"]} == of_version_4
    assert versions == sorted(versions)
    assert versions.count("1") > 10
    assert versions[-1] == "6"


def test_disk_that_is_full_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = registry_of_version("4", tmp_path)
    before = path.read_bytes()

    def full(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM agents")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(upgrades, "UPGRADES", {"4": full})
    with pytest.raises(RegistryError, match="full"):
        Registry.create(path)
    monkeypatch.undo()
    assert damage(path) is None
    with Registry.read(path) as registry:
        assert registry.last_cycle() is not None
        assert registry.living()
    assert len(before) == path.stat().st_size


@pytest.mark.parametrize("ours", ["4", "5"])
def test_copy_of_an_older_version_is_known_for_what_it_is(ours: str, tmp_path: Path) -> None:
    path = registry_of_version("4", tmp_path)
    copy = path.with_name("registry.backup.sqlite")
    copy.write_bytes(path.read_bytes())
    if ours == "5":
        Registry.create(path).close()
    assert relation(path, copy) is Relation.GOES_ON
    path.unlink()
    mended = Copies(path).mend()
    assert mended is not None
    with Registry.create(path) as registry:
        assert registry.cycle == CYCLE
