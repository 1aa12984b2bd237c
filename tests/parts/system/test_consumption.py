"""What a population uses: shared pages are counted once, folders by a sample."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deep_folder import dig

from evolve_ai.model.budget import Resource
from evolve_ai.model.settings import Settings
from evolve_ai.system import housekeeping
from evolve_ai.system.consumption import (
    KERNEL_BYTES,
    folders_of,
    holdings,
    in_their_folders,
    memory_of,
)
from evolve_ai.system.housekeeping import Housekeeping
from evolve_ai.system.project import Folders
from evolve_ai.system.trees import remove_tree

MIB = 1024 * 1024


@pytest.fixture
def eater(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with 50 MiB of its own, in the folder of agent `a1`."""
    folder = tmp_path / "agents" / "a1"
    folder.mkdir(parents=True)
    code = "held = bytearray(b'x') * (50 << 20); print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, **pipes)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_memory_of_an_agent_is_what_it_has_to_itself(eater: subprocess.Popen[bytes]) -> None:
    found = memory_of([eater.pid])[eater.pid]
    assert 50 * MIB < found < 75 * MIB
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        small = memory_of([sleeper.pid])[sleeper.pid]
        assert KERNEL_BYTES <= small < MIB, "the program and its libraries belong to all"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_who_is_gone_uses_nothing(eater: subprocess.Popen[bytes]) -> None:
    eater.kill()
    eater.wait()
    assert memory_of([eater.pid]) == {}


def test_pid_of_a_stranger_is_not_taken_for_an_agents(
    eater: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    pids = {"a1": eater.pid, "a2": os.getpid(), "a3": 2**22 + 1}
    assert in_their_folders(pids, tmp_path / "agents") == {"a1": eater.pid}


def test_folders_are_counted_with_their_blocks_and_inodes(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"a{n}" / "src").mkdir(parents=True)
        (tmp_path / f"a{n}" / "src" / "gene.rs").write_bytes(b"x" * 10_000)
    (tmp_path / "a0" / "away").symlink_to("/")
    one = holdings(tmp_path / "a1")
    assert one.inodes == 3
    assert one.bytes >= 10_000
    mean = folders_of(tmp_path, [f"a{n}" for n in range(100)])
    assert mean.inodes == one.inodes
    assert abs(mean.bytes - one.bytes) < 4096
    assert folders_of(tmp_path, ["gone"]).inodes == 0


def test_very_deep_folder_is_counted(tmp_path: Path) -> None:
    dig(tmp_path / "a1" / "state")
    try:
        assert holdings(tmp_path / "a1").inodes == 1102
    finally:
        remove_tree(tmp_path / "a1")


def test_budgets_of_a_small_population(eater: subprocess.Popen[bytes], tmp_path: Path) -> None:
    settings = Settings.model_validate({"budget": {"memory_bytes": 60 * MIB, "disk_bytes": MIB}})
    house = Housekeeping(Folders(tmp_path), settings.budget, ["a1"])
    found = {budget.resource: budget for budget in house.budgets(["a1"], [eater.pid])}
    assert found[Resource.MEMORY].allowed == 60 * MIB
    assert found[Resource.MEMORY].share > 0.8
    assert found[Resource.DISK].allowed == MIB
    assert not found[Resource.DISK].over
    assert found[Resource.DESCRIPTORS].used == 102


def test_folders_that_grew_are_noticed_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agents" / "a1").mkdir(parents=True)
    (tmp_path / "agents" / "a1" / "small").write_bytes(b"x" * 4096)
    house = Housekeeping(Folders(tmp_path), Settings().budget, ["a1"])

    def disk() -> int:
        budgets = house.budgets(["a1"], [])
        return next(budget.used for budget in budgets if budget.resource is Resource.DISK)

    before = disk()
    (tmp_path / "agents" / "a1" / "big").write_bytes(b"x" * MIB)
    assert disk() == before
    monkeypatch.setattr(housekeeping, "LOOK_SECONDS", 0.0)
    assert disk() >= before + MIB


def test_blocks_are_counted_and_not_sizes(tmp_path: Path) -> None:
    reserved = tmp_path / "reserved"
    reserved.touch()
    subprocess.run(["fallocate", "--keep-size", "--length", "8M", reserved], check=True)
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert 8 * MIB <= holdings(tmp_path).bytes < 9 * MIB


def test_file_of_many_names_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(MIB))
    for number in range(10):
        (tmp_path / str(number)).hardlink_to(tmp_path / "one")
    assert MIB <= holdings(tmp_path).bytes < 2 * MIB
