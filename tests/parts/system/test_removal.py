"""Tests of the removal of dead agents' folders: whole or gone, and nothing else is touched."""

import os
import subprocess
from pathlib import Path

import pytest
from users import as_ordinary, give_to_ordinary

from evolve_ai.system import removal
from evolve_ai.system.removal import ASIDE, RemovalTask, remove_folders


def lay(agents: Path, *names: str) -> None:
    for name in names:
        (agents / name / "src" / "genes").mkdir(parents=True)
        (agents / name / "src" / "genes" / "trend.rs").touch()
        (agents / name / "genome.bin").write_bytes(b"x")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_only_the_dead_are_removed_and_nothing_is_left_beside(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b", "c")
    (tmp_path / "d").write_text("a file in the place of a folder")
    remove_folders(RemovalTask(tmp_path, ("a", "c", "d", "gone")))
    assert names_in(tmp_path) == {"b"}


def test_a_folder_is_whole_or_gone_wherever_the_removal_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "a", "b")

    def killed(folder: Path, keep: frozenset[str]) -> None:
        assert names_in(folder) == {"a", "b"}, "all are aside before the first is touched"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(removal, "empty_tree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_folders(RemovalTask(tmp_path, ("a", "b")))
    assert names_in(tmp_path) == {ASIDE}
    remove_folders(RemovalTask(tmp_path, ()))
    assert not names_in(tmp_path), "the next removal goes on"


def test_spare_folders_are_kept_aside(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b", "c")
    remove_folders(RemovalTask(tmp_path, ("a", "b"), frozenset({"b"})))
    assert names_in(tmp_path) == {"c", ASIDE}
    assert names_in(tmp_path / ASIDE) == {"b"}
    assert (tmp_path / ASIDE / "b" / "src" / "genes" / "trend.rs").exists()


@pytest.mark.parametrize("place", ["dead", ASIDE])
def test_no_link_is_followed(tmp_path: Path, place: str) -> None:
    agents, precious = tmp_path / "agents", tmp_path / "precious"
    lay(agents, "other")
    lay(precious, "thesis")
    (agents / place).symlink_to(precious)
    remove_folders(RemovalTask(agents, ("dead", "other")))
    assert names_in(agents) <= {ASIDE}
    assert names_in(precious) == {"thesis"}
    assert (precious / "thesis" / "src" / "genes" / "trend.rs").exists()


def test_modes_that_an_agent_has_set_are_not_in_the_way(tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    give_to_ordinary(agents)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o711)

    def work() -> None:
        lay(agents, "a", "b")
        (agents / "a" / "src").chmod(0)
        (agents / "a").chmod(0)
        remove_folders(RemovalTask(agents, ("a", "b")))
        assert not names_in(agents)

    as_ordinary(work, tmp_path / "said")


def test_what_cannot_be_removed_stays_alone_until_it_can(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b")
    kept = tmp_path / "a" / "genome.bin"
    if subprocess.run(["chattr", "+i", str(kept)], check=False, capture_output=True).returncode:
        pytest.skip("no file can be made immutable here")
    remove_folders(RemovalTask(tmp_path, ("a", "b")))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["genome.bin"]
    subprocess.run(["chattr", "-i", str(left[0])], check=True)
    remove_folders(RemovalTask(tmp_path, ()))
    assert not names_in(tmp_path)


def test_removal_in_the_background_gives_way_to_others(tmp_path: Path) -> None:
    lay(tmp_path, "a")
    pid = os.fork()
    if pid == 0:
        removal.remove_in_background(RemovalTask(tmp_path, ("a",)))
        os._exit(os.getpriority(os.PRIO_PROCESS, 0))
    niceness = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert niceness >= max(10, os.getpriority(os.PRIO_PROCESS, 0))
    assert not names_in(tmp_path)
