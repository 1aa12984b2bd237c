"""The group of all agents: its files in a tree of paper, itself where it is delegated."""

import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from project_support import wait_until

from evolve_ai.system import cgroup
from evolve_ai.system.cgroup import Group, NotDelegated, group_of, own_group, probe

MIB = 1024 * 1024


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A group of paper with both controllers, of which nothing is handed down yet."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")

    def rmdir(folder: Path) -> None:
        """The kernel removes a group together with its files, unless somebody is in it."""
        if (folder / "occupied").exists():
            raise OSError(16, "Device or resource busy")
        if not folder.exists():
            raise FileNotFoundError(2, "No such file or directory")
        shutil.rmtree(folder)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    return tmp_path


def test_group_has_its_limits_and_we_stand_beside_it(home: Path) -> None:
    group = Group.make("farm", 300 * MIB, 500, home)
    assert isinstance(group, Group)
    assert (home / "evolve.life-cycle/cgroup.procs").read_text() == str(os.getpid())
    assert (home / "cgroup.subtree_control").read_text() == "+memory +pids"
    limits = {p.name: p.read_text() for p in (home / "evolve.agents-farm").iterdir()}
    assert limits == {
        "memory.max": str(300 * MIB),
        "memory.oom.group": "0",
        "pids.max": "500",
    }
    group.take(4321)
    assert group.members() == (4321,)


def test_what_is_handed_down_already_is_left_as_it_is(home: Path) -> None:
    (home / "cgroup.subtree_control").write_text("memory pids\n")
    assert isinstance(Group.make("farm", MIB, 5, home), Group)
    assert not (home / "evolve.life-cycle").exists()


def test_removed_group_leaves_its_home_as_it_was(home: Path) -> None:
    group = Group.make("farm", MIB, 5, home)
    assert isinstance(group, Group)
    assert group.remove()
    assert [path.name for path in home.iterdir() if path.is_dir()] == []
    assert (home / "cgroup.procs").read_text() == str(os.getpid())
    assert (home / "cgroup.subtree_control").read_text() == "-memory -pids"
    assert group.remove(), "a second time does no harm"


def test_group_with_somebody_in_it_stays(home: Path) -> None:
    group = Group.make("farm", MIB, 5, home)
    assert isinstance(group, Group)
    (group.folder / "occupied").touch()
    assert not group.remove()
    assert group.folder.exists()
    assert (home / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_home_without_controllers_is_told_of(home: Path) -> None:
    (home / "cgroup.controllers").write_text("hugetlb\n")
    found = Group.make("farm", MIB, 5, home)
    assert found == NotDelegated(f"{home} has no controller for memory and pids")


def test_home_that_refuses_is_left_as_it_was(home: Path) -> None:
    (home / "cgroup.subtree_control").unlink()
    (home / "cgroup.subtree_control").mkdir()
    found = Group.make("farm", MIB, 5, home)
    assert isinstance(found, NotDelegated)
    assert "refuses" in found.reason
    assert not (home / "evolve.agents-farm").exists()


def test_home_with_others_in_it_is_told_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(path: Path, text: str) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(cgroup, "_write", busy)
    found = Group.make("farm", MIB, 5, home)
    assert found == NotDelegated(f"others than evolve are in {home}")


def test_probe_says_what_helps(home: Path) -> None:
    assert probe(home).startswith("delegated")
    (home / "cgroup.controllers").unlink()
    assert "systemd-run --user --scope -p Delegate=yes" in probe(home)
    assert [path.name for path in home.iterdir() if path.is_dir()] == []


def test_own_group_is_found_in_what_the_kernel_shows(tmp_path: Path) -> None:
    mount = tmp_path / "cgroup"
    (mount / "user/scope/evolve.life-cycle").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mounts").write_text(f"tmpfs / tmpfs rw 0 0\nc {mount} cgroup2 rw 0 0\n")
    groups = tmp_path / "self/cgroup"
    groups.write_text("4:memory:/x\n0::/user/scope\n")
    assert own_group(tmp_path) == mount / "user/scope"
    groups.write_text("0::/user/scope/evolve.life-cycle\n")
    assert own_group(tmp_path) == mount / "user/scope", "we went into the leaf ourselves"
    groups.write_text("4:memory:/x\n")
    assert own_group(tmp_path) is None


def test_real_group_bounds_whom_it_takes() -> None:
    group = Group.make(f"test-{os.getpid()}", 64 * MIB, 50)
    if isinstance(group, NotDelegated):
        pytest.skip(f"cgroup v2 is not delegated here: {group.reason}")
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        group.take(sleeper.pid)
        assert group.members() == (sleeper.pid,)
        assert (group.folder / "memory.max").read_text().strip() == str(64 * MIB)
        assert not group.remove()
    finally:
        sleeper.kill()
        sleeper.wait()
        assert group.remove()
    assert not group.folder.exists()


@pytest.mark.skipif(
    not Path("/proc/thread-self/children").exists(), reason="this kernel lists no children"
)
def test_taken_process_comes_with_its_children_and_its_stale_group_goes(bare_home: Path) -> None:
    stale, group = (Group.make(name, 64 * MIB, 50) for name in ("stale", "fresh"))
    assert isinstance(stale, Group)
    assert isinstance(group, Group)
    argv = ["sh", "-c", "sleep 60 & echo $!; read line; sleep 60 & echo $!; wait"]
    shell = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert shell.stdin
    assert shell.stdout
    children = [int(shell.stdout.readline())]
    try:
        stale.take(shell.pid)
        assert set(stale.members()) == {shell.pid, *children}
        group.take(shell.pid)
        assert not stale.folder.exists()
        shell.stdin.write("\n")
        shell.stdin.flush()
        children.append(int(shell.stdout.readline()))
        assert set(group.members()) == {shell.pid, *children}, "the later child was born in it"
        assert group_of(children[-1]) == group.folder
        assert not group.remove()
    finally:
        for pid in (*children, shell.pid):
            os.kill(pid, signal.SIGKILL)
        shell.communicate()
        assert wait_until(group.remove, "an empty group")
