"""A full disk and a read-only one: a clear message, and after it is put right life goes on."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest, share, wait_until
from small_disks import Mount, fill, put_on, remount
from small_disks import mount as mount

MANY = 40  # of whom one in ten mutates in a cycle


@pytest.fixture
def on_small_disk(
    mount: Mount, empty_project: Path, shared_workspace: Path
) -> Iterator[ProjectUnderTest]:
    """A project on a disk of its own; its programs are built elsewhere."""
    root = mount("disk", "3m") / "project"
    shutil.copytree(empty_project, root)
    share(root, shared_workspace)
    project = ProjectUnderTest(root)
    yield project
    assert not project.clean_up()


def test_full_disk_ends_init_with_a_word_and_init_goes_on(on_small_disk: ProjectUnderTest) -> None:
    project = on_small_disk
    done = project.evolve("init", 60, code=1)
    assert "full" in done.err
    assert not project.processes()
    remount(project.root.parent, "size=16m")
    project.evolve("init", 60)
    assert project.status()["population"]["alive"] == 60


def test_file_larger_than_allowed_ends_a_life_cycle_with_a_word_and_life_goes_on(
    calm: ProjectUnderTest,
) -> None:
    words = ("--cycles", "1", "--set", "cycle.ticks=5000", "--project", calm.root)
    argv = ["prlimit", "--fsize=1400000", *EVOLVE, "life-cycle", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert "order_log: a file would be larger than this account may write" in done.stderr
    assert "ulimit -f" in done.stderr
    calm.evolve("life-cycle", *words[:-2])
    assert calm.status()["tainted"] is None


def test_full_disk_ends_a_life_cycle_with_a_word_and_life_goes_on(
    on_small_disk: ProjectUnderTest,
) -> None:
    project = on_small_disk
    remount(project.root.parent, "size=16m")
    project.evolve("init", 4)
    project.live(1)
    filler = project.root / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    done = project.live(5, code=1)
    assert "full" in done.err
    assert not project.processes()
    filler.unlink()
    before = project.status()["cycle"]
    project.live(1)
    assert project.status()["cycle"] == before + 1
    seqs = [event["seq"] for event in project.events()]
    assert seqs == project.recorded()


def test_read_only_project_is_named(on_small_disk: ProjectUnderTest) -> None:
    project = on_small_disk
    project.evolve("init", 2)
    remount(project.root.parent, "ro")
    for words in (("init", 2), ("life-cycle", "--cycles", 1), ("exam",)):
        done = project.evolve(*words, code=1)
        assert str(project.root) in done.err
        assert "read-only" in done.err.lower()
    done = project.evolve("doctor", code=1)
    assert "NO  folders" in done.out
    remount(project.root.parent, "rw")


@pytest.fixture
def small(calm: ProjectUnderTest, mount: Mount) -> Iterator[tuple[ProjectUnderTest, Path]]:
    """The calm project, and a small disk that a part of it can be put on."""
    yield calm, mount("small", "16m")
    calm.clean_up()


def test_registry_whose_disk_fills_up_ends_the_life_cycle_with_a_word_and_loses_nothing(
    small: tuple[ProjectUnderTest, Path],
) -> None:
    project, disk = small
    put_on(disk, project.root / "workspace")
    settings = ("--set", "cycle.sleep=0.1", "--set", "supervise.orphan_seconds=5")
    running = project.start("life-cycle", *settings)
    wait_until(lambda: len(project.events("cycle")) > 2, "cycles")
    filler = fill(disk)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "registry" in err
    assert "full" in err
    assert "free disk space" in err
    wait_until(lambda: not project.processes(), "the end of all agents")
    filler.unlink()
    lived = project.events("cycle")[-1]["cycle"]
    assert project.status()["cycle"] >= lived, "a cycle was told of that is not recorded"
    committed = project.status()["cycle"]
    project.live(1)
    assert project.status()["cycle"] == committed + 1
    people = project.status()["population"]
    assert people["alive"] + people["dead"] == people["founders"] + people["born"]
    assert [event["seq"] for event in project.events()] == project.recorded()


def test_agents_live_on_where_neither_log_nor_genome_can_be_written(
    unfounded: ProjectUnderTest, mount: Mount
) -> None:
    project, disk = unfounded, mount("small", "16m")
    project.set(turnover_floor=0.0, age_limit=1000, mutation_rate=1.0, start_cycles=9.0)
    project.set(file_active=1.0, function_active=1.0, likely="{}")  # few programs
    project.evolve("init", MANY)
    project.live(1)  # in its first cycle nobody mutates
    assert not offers(project)
    put_on(disk, project.root / "agents")
    filler = fill(disk)
    before = genomes(project)
    project.live(1)  # who dies of the budget makes room, after the season
    faults = [event for event in project.events("exit") if event["cause"] != "planned"]
    assert faults == []
    assert project.status()["population"]["quarantined"] == 0
    assert genomes(project).items() <= before.items(), "the old genome stays, whole"
    assert not offers(project)
    assert list(project.root.glob("agents/*/state/.genome.bin.new")), "nobody was due to mutate"
    filler.unlink()
    project.live(2)  # what is offered in one cycle is taken in the next
    assert not genomes(project).items() <= before.items()
    logs = [path.read_text() for path in project.root.glob("agents/*/agent.log")]
    assert not any("No space left" in text for text in logs), "there was no room for that line"


def offers(project: ProjectUnderTest) -> list[Path]:
    return list(project.root.glob("agents/*/state/genome.bin"))


def genomes(project: ProjectUnderTest) -> dict[str, bytes]:
    return {
        path.parent.name: path.read_bytes() for path in project.root.glob("agents/*/genome.bin")
    }


def test_event_log_on_a_full_disk_costs_no_cycle_and_catches_up(
    small: tuple[ProjectUnderTest, Path],
) -> None:
    project, disk = small
    put_on(disk, project.root / "logs")
    filler = fill(disk)
    project.live(2)
    assert len(project.events("cycle")) < 3
    filler.unlink()
    project.live(1)
    assert [event["seq"] for event in project.events()] == project.recorded()
