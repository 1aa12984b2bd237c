"""A keeper in namespaces: what it sees, how it is reached, how it outlives whoever started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keeper_support import LONG, Nursery, ends, eventually, told
from seen import skip_without_namespaces
from users import as_ordinary, give_to_ordinary

from evolve_ai.colony import namespaces
from evolve_ai.colony.keeper import Keeper, KeeperError, ProcessStarted
from evolve_ai.model.errors import SandboxError
from evolve_ai.system.bubblewrap import NAMESPACES, arguments, around, installed, links_on
from evolve_ai.system.identity import identify

BWRAP = installed() or Path("/usr/bin/bwrap")
READABLE = ("/usr/bin", "/bin")


@pytest.fixture(scope="module", autouse=True)
def _namespaces_can_be_had() -> None:
    words = arguments(BWRAP, Path("/"), {}, [(Path("/"), "--ro-bind")])
    skip_without_namespaces(words)


@pytest.fixture
def walled(nursery: Nursery) -> Iterator[Keeper]:
    nursery.folder.mkdir()
    words = namespaces.around_keeper(
        BWRAP, nursery.program, nursery.folder, (nursery.agents,), READABLE
    )
    with Keeper.open(nursery.folder, nursery.program, LONG, around=words) as keeper:
        yield keeper


def namespaces_of(pid: int) -> dict[str, str]:
    return {name: str(Path(f"/proc/{pid}/ns/{name}").readlink()) for name in NAMESPACES}


def test_agent_lives_in_the_namespaces_of_its_keeper(nursery: Nursery, walled: Keeper) -> None:
    walled.spawn(nursery.shell("a", "kill -STOP $$"))
    [started] = told(walled, 1)
    assert isinstance(started, ProcessStarted)
    ours, theirs = namespaces_of(os.getpid()), namespaces_of(started.identity.pid)
    assert theirs == namespaces_of(walled.identity.pid)
    assert all(theirs[name] != ours[name] for name in NAMESPACES)
    os.kill(started.identity.pid, signal.SIGKILL)
    [ended] = ends(told(walled, 1))
    assert ended.identity == started.identity


def test_files_of_others_are_not_there(nursery: Nursery, walled: Keeper, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("do not read")
    script = f"for f in {tmp_path}/secret /etc/passwd /root; do [ -e $f ] && echo sees $f; done; :"
    walled.spawn(nursery.shell("a", f"touch {tmp_path}/made 2> /dev/null; {script}"))
    walled.spawn(nursery.shell("b", f"touch {nursery.agents}/made /made"))
    ended = ends(told(walled, 4))
    assert nursery.log("a").read_text() == ""
    assert {one.id: one.exit.code for one in ended} == {"a": 0, "b": 1}
    assert (nursery.agents / "made").exists()
    assert not (tmp_path / "made").exists()


def test_kernel_settings_cannot_be_written(nursery: Nursery, walled: Keeper) -> None:
    """Though the keeper may write in /proc: root outside is root's number inside."""
    before = Path("/proc/sys/vm/swappiness").read_text()
    walled.spawn(nursery.shell("a", "echo 1 > /proc/sys/vm/swappiness"))
    told(walled, 2)
    assert Path("/proc/sys/vm/swappiness").read_text() == before
    assert "Read-only" in nursery.log("a").read_text()


def test_agent_goes_before_others_when_memory_runs_out(nursery: Nursery, walled: Keeper) -> None:
    walled.spawn(nursery.shell("a", "read s < /proc/self/oom_score_adj; echo $s"))
    told(walled, 2)
    assert nursery.log("a").read_text() == "1000\n"


STARTS_AND_HANGS = """
import sys, time
from pathlib import Path
from evolve_ai.colony.keeper import Keeper
folder, program, *words = sys.argv[1:]
keeper = Keeper.open(Path(folder), Path(program), 600, around=words)
print(keeper.identity.pid, flush=True)
time.sleep(600)
"""


def test_keeper_outlives_a_kill_of_whoever_started_it(nursery: Nursery) -> None:
    nursery.folder.mkdir()
    words = namespaces.around_keeper(
        BWRAP, nursery.program, nursery.folder, (nursery.agents,), READABLE
    )
    argv = [sys.executable, "-c", STARTS_AND_HANGS, str(nursery.folder), str(nursery.program)]
    with subprocess.Popen([*argv, *words], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    keeper = nursery.open()
    assert keeper.identity.pid == pid
    keeper.spawn(nursery.shell("a", "exit 3"))
    assert [one.exit.code for one in ends(told(keeper, 2))] == [3]


def test_nothing_is_left_around_a_keeper(nursery: Nursery, walled: Keeper) -> None:
    def bubblewraps() -> list[str]:
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        return [line.decode() for line in lines if str(nursery.folder).encode() in line][1:]

    assert eventually(lambda: not bubblewraps(), 2.0)
    assert walled.leave(5.0)
    assert eventually(lambda: identify(walled.identity.pid) is None, 5.0)


def test_namespaces_that_cannot_be_made_are_told_of(nursery: Nursery, tmp_path: Path) -> None:
    nursery.folder.mkdir()
    words = around(BWRAP, nursery.folder, (), (nursery.folder, tmp_path / "missing"))
    with pytest.raises(KeeperError, match=r"bwrap: .*missing"):
        Keeper.open(nursery.folder, nursery.program, LONG, around=words)


def test_what_is_promised_is_seen_of_a_real_keeper(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    found = {one.name: one for one in namespaces.tried(BWRAP, keeper, tmp_path)}
    assert found.keys() == {"namespaces", "out of sight", "own network"}
    assert all(one.held for one in found.values()), found


def test_an_ordinary_user_has_the_same(tmp_path: Path, keeper: Path) -> None:
    reachable(keeper, tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    give_to_ordinary(own)

    def try_them() -> None:
        found = namespaces.tried(BWRAP, keeper, own)
        assert all(one.held for one in found), found

    as_ordinary(try_them, tmp_path / "said")


def reachable(*paths: Path) -> None:
    """For other users: pytest's folders are only for who runs it."""
    for at in {folder for path in paths for folder in (path, *path.parents)}:
        if at.stat().st_uid == os.getuid() and at != Path("/"):
            at.chmod(at.stat().st_mode | 0o055)


def test_namespaces_that_are_none_do_not_pass(
    tmp_path: Path, keeper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the look at a keeper is known to be able to fail."""
    nothing: Callable[..., tuple[str, ...]] = lambda *_: ("/usr/bin/env", "--")  # noqa: E731
    monkeypatch.setattr(namespaces, "around_keeper", nothing)
    found = namespaces.tried(BWRAP, keeper, tmp_path)
    assert [one.held for one in found[:2]] == [False, False]
    assert "/etc/passwd" in found[1].how


def test_bubblewrap_that_fails_is_no_crash(tmp_path: Path, keeper: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be started in namespaces"):
        namespaces.tried(tmp_path / "no-bwrap", keeper, tmp_path)


def test_links_on_the_way_are_made_again(tmp_path: Path) -> None:
    real = tmp_path.resolve() / "real"
    (real / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep")
    (real / "deep" / "inner").symlink_to("../other")
    assert links_on([tmp_path / "link" / "inner"]) == {
        tmp_path / "link": Path("real/deep"),
        real / "deep" / "inner": Path("../other"),
    }
    words = around(BWRAP, real, (tmp_path / "link",), (real,))
    assert words[words.index("--symlink") :][:3] == (
        "--symlink",
        "real/deep",
        str(tmp_path / "link"),
    )
    assert str(real / "deep") in words
