"""A registry that was damaged between two runs: life goes on from its copy, aloud."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from project_support import ProjectUnderTest

from evolve_ai.state.copies import Copies


def registry_of(project: ProjectUnderTest) -> Path:
    return project.root / "workspace" / "registry.sqlite"


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_damaged_registry_is_restored_aloud_and_nothing_is_numbered_twice(
    project: ProjectUnderTest,
) -> None:
    project.live(1)
    copy = Copies(registry_of(project)).path
    early = copy.read_bytes()
    project.live(2)
    born = {event["agent"] for event in project.events("birth")}
    strangers = {row["id"] for row in project.agents()}
    copy.write_bytes(early)
    scribble(registry_of(project))

    assert project.evolve("doctor", code=1).out.count("puts the last good copy in its place") == 1
    done = project.live(1)
    assert "the registry was damaged" in done.err
    assert "restored from the copy of" in done.err
    assert "cycle 1; what happened after it, up to cycle 4, is lost" in done.err

    assert project.status()["cycle"] == 5
    assert "the registry was damaged" in project.status()["tainted"]
    [restored] = [event for event in project.events("command") if event["command"] == "restore"]
    assert restored["lost_cycles"] == 3
    assert (registry_of(project).with_name(restored["aside"])).exists()
    seqs = [event["seq"] for event in project.events()]
    assert seqs == sorted(set(seqs)), "an event is missing or doubled"
    lost = strangers.intersection(restored["strangers"])
    assert lost <= born
    assert all(project.folder(agent).is_dir() for agent in lost)
    assert project.live(1).err.count("the registry was damaged") == 0


def test_end_of_a_run_leaves_a_copy_of_all_that_it_recorded(calm: ProjectUnderTest) -> None:
    calm.live(1)
    copy = Copies(registry_of(calm)).path
    assert recorded(copy) == recorded(registry_of(calm))
    scribble(registry_of(calm))
    before = calm.evolve("life-cycle", "--cycles", 1)
    assert "is lost" not in before.err
    assert calm.status()["population"]["running"] == 0
    assert calm.status()["population"]["alive"] == 11


def recorded(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT max(seq) FROM events").fetchone()[0])


def test_damaged_registry_and_no_copy_is_a_word_and_an_exit_code(calm: ProjectUnderTest) -> None:
    Copies(registry_of(calm)).path.unlink(missing_ok=True)
    scribble(registry_of(calm))
    done = calm.live(1, code=1)
    assert "there is no good copy" in done.err
    assert "evolve import agents" in done.err
