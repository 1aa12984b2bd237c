"""What the machine allows, read from trees as the kernel shows them."""

import os
from pathlib import Path

import pytest

from evolve_ai.model.capacity import UNLIMITED
from evolve_ai.system import machine

MIB = 1024 * 1024


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine of 1000 MiB, of which 600 are there to be had, without control groups."""
    put(tmp_path / "proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 614400 kB\n")
    put(tmp_path / "proc/self/cgroup", "")
    return tmp_path / "proc"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def group(monkeypatch: pytest.MonkeyPatch, proc: Path, place: str, **files: object) -> None:
    root = proc.parent / "cgroup"
    monkeypatch.setattr(machine, "_CGROUPS", root)
    for name, value in files.items():
        put(root / place / name.replace("__", "."), f"{value}\n")


def test_memory_is_that_of_the_machine(proc: Path) -> None:
    assert machine.memory_total(proc) == 1000 * MIB
    assert machine.memory_available(proc) == 600 * MIB


def test_group_of_the_second_version_that_allows_less_counts(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(proc / "self/cgroup", "0::/user/scope\n")
    group(monkeypatch, proc, "user/scope", memory__max="max", pids__max="max")
    group(
        monkeypatch,
        proc,
        "user",
        memory__max=500 * MIB,
        memory__current=300 * MIB,
        memory__stat=f"anon 5\ninactive_file {100 * MIB}",
        pids__max=77,
    )
    assert machine.memory_total(proc) == 500 * MIB
    assert machine.memory_available(proc) == 300 * MIB
    assert 77 in dict(machine.process_limits(proc)).values()


def test_group_of_the_first_version_counts_as_well(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(proc / "self/cgroup", "8:pids:/box\n4:memory:/box\n0::/\n")
    limit = {"memory__limit_in_bytes": 400 * MIB, "memory__usage_in_bytes": 390 * MIB}
    group(monkeypatch, proc, "memory/box", **limit)
    group(monkeypatch, proc, "memory", memory__limit_in_bytes=9223372036854771712)
    group(monkeypatch, proc, "pids/box", pids__max=123)
    assert machine.memory_total(proc) == 400 * MIB
    assert machine.memory_available(proc) == 10 * MIB
    assert 123 in dict(machine.process_limits(proc)).values()


def test_path_of_another_machine_stands_for_the_root_of_a_container(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(proc / "self/cgroup", "4:memory:/docker/0123\n")
    limit = {"memory__limit_in_bytes": 200 * MIB, "memory__usage_in_bytes": 0}
    group(monkeypatch, proc, "memory", **limit)
    assert machine.memory_total(proc) == 200 * MIB


def test_what_cannot_be_read_is_no_limit(proc: Path) -> None:
    assert machine.watches(proc) == UNLIMITED
    assert machine.machine_files(proc) == UNLIMITED
    assert set(dict(machine.process_limits(proc)).values()) - {UNLIMITED} <= {_own_limit()}


def _own_limit() -> int:
    return machine._bounded(machine.resource.getrlimit(machine.resource.RLIMIT_NPROC)[0])


def test_this_machine_answers() -> None:
    assert 0 < machine.memory_available() <= machine.memory_total() < UNLIMITED
    assert 0 < machine.disk_free(Path("/"), Path("/nowhere")) < UNLIMITED
    assert machine.inodes_free(Path("/")) > 0
    assert machine.disk_free(Path("/nowhere")) == UNLIMITED
    assert machine.descriptors() >= 64
    assert machine.machine_files() > 0
    assert machine.pipe_pages() == UNLIMITED or os.geteuid() != 0
