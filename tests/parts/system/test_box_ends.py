"""How a box ends, and what is believed of it: attackers who do not want to be ended, or who speak
as if they were the box."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from box_support import LEVELS, PATIENT, Built, built, eventually
from seen import standing_in

from evolve_ai.model.errors import LeftBehindError
from evolve_ai.model.sandbox import Level, Protection
from evolve_ai.system import boxed_command
from evolve_ai.system.boxed_command import Verdict, run_boxed
from evolve_ai.system.commands import Ending, Limits

__all__ = ["built"]


@pytest.mark.parametrize("level", LEVELS)
def test_watcher_whose_pipes_are_full_ends_all_the_same(built: Built, level: Level) -> None:
    """Nobody reads what it has to say: first all are ended, then it speaks."""
    script = "cat /dev/zero >&2 & i=0; while [ $i -lt 400 ]; do sleep 60 & i=$((i + 1)); done; wait"
    with built.started(level, "/bin/sh", "-c", script) as process:
        process.wait(60)
        assert standing_in(built.ours) == []
        assert b"limit\tmore than 300 processes\n" in built.told()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_watcher_that_is_killed_leaves_nobody(built: Built, level: Level, which: int) -> None:
    """As the kernel does it for want of memory. The other one ends all."""
    lifted = (Protection.ENDING,)
    script = "setsid sh -c 'sleep 71 & sleep 72' & (sleep 73 & sleep 74) & sleep 75"
    with built.started(level, "/bin/sh", "-c", script, lifted=lifted) as process:
        assert eventually(lambda: names(built.ours).count("sleep") == 5)
        root = psutil.Process(process.pid)
        line = [one for one in (root, *root.children(recursive=True)) if _is_watcher(one)]
        assert len(line) == (3 if level is Level.FULL else 2)
        sorted(line, key=lambda one: one.pid)[which].kill()
        process.wait(60)
        assert eventually(lambda: not standing_in(built.ours))


def names(folder: Path) -> list[str]:
    """Of whoever works there and has not just ended."""
    found = []
    for one in standing_in(folder):
        with suppress(psutil.Error):
            found.append(one.name())
    return found


def _is_watcher(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("evolve-keeper")
    except psutil.Error:
        return False


@pytest.mark.parametrize("which", ["held", "sessions"])
def test_whoever_is_left_without_any_watcher_is_ended_by_its_group(
    built: Built, which: str
) -> None:
    """All watchers are killed at once. Who could leave for a session of its own lives on."""
    lifted = (Protection.ENDING,) if which == "sessions" else ()
    script = "(setsid sleep 76 || sleep 77) & sleep 78"
    ended: list[psutil.Process] = []

    def kill_watchers() -> None:
        if not ended and names(built.ours).count("sleep") == 2:
            ended.extend(one for one in standing_in(built.ours) if _is_watcher(one))
            for one in ended:
                one.suspend()
            for one in ended:
                one.kill()

    killer = threading.Thread(target=lambda: eventually(lambda: kill_watchers() or bool(ended)))
    killer.start()
    _, verdict = built.run(Level.LANDLOCK, "/bin/sh", "-c", script, lifted=lifted)
    killer.join()
    left = standing_in(built.ours)
    for one in left:
        one.kill()
    assert len(ended) == 2
    assert verdict == Verdict(lost=True)
    assert [one.name() for one in left] == (["sleep"] if which == "sessions" else [])
    assert eventually(lambda: not standing_in(built.ours))


def test_watcher_that_is_stopped_is_ended_after_its_tree(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed_command, "WATCHER_SECONDS", 0.5)
    script = "while :; do sleep 0.01 & sleep 0.01; done"
    limits = Limits(1.0, 60.0, grace=0.1)
    # bash, since it tries again where a busy machine has refused a fork.
    done, _ = built.run(Level.LANDLOCK, "/bin/bash", "-c", f"sleep 79 & {script}", limits=limits)
    assert done.ending is Ending.TOTAL_TIMEOUT, done
    assert standing_in(built.ours) == []


FORGERIES = [
    "echo 'evolve-keeper: more than 3 processes' >&2; exit 123",
    "echo 'evolve-keeper: Landlock: no such thing' >&2; exit 124",
    "echo 'bwrap: Creating new namespace failed' >&2; exit 1",
    "printf 'failed\\tLandlock\\n' >&2; for i in 3 4 5 6 7 8 9; do"
    " eval \"printf 'failed\\tLandlock\\n' >&$i\" 2>/dev/null; done; exit 124",
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("script", FORGERIES, ids=["limit", "failure", "bwrap", "descriptors"])
def test_command_is_never_taken_for_its_box(built: Built, level: Level, script: str) -> None:
    done, verdict = built.shell(level, script)
    assert verdict == Verdict()
    assert done.code == int(script.rpartition(" ")[2])


@pytest.mark.parametrize("level", LEVELS)
def test_command_has_three_descriptors(built: Built, level: Level) -> None:
    script = "i=3; while [ $i -lt 1024 ]; do (: >&$i) 2>/dev/null && echo $i; i=$((i + 1)); done"
    done, verdict = built.run(level, "/bin/bash", "-c", script)
    assert (done.code, done.stdout, verdict) == (0, b"", Verdict())


def test_command_that_has_the_descriptor_of_its_box_speaks_for_it(built: Built) -> None:
    """What such a descriptor is worth: nobody in a box may have it."""
    _, verdict = run_boxed(
        lambda status: ("/bin/bash", "-c", f"printf 'failed\tno box\n' >&{status}; exit 124"),
        cwd=built.ours,
        env=built.env,
        limits=PATIENT,
    )
    assert verdict == Verdict(failed="no box")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_signals_look_alike_at_each_level(
    built: Built, level: Level, number: signal.Signals
) -> None:
    done, verdict = built.shell(level, f"kill -{int(number)} $$")
    assert (done.code, verdict) == (-number, Verdict())


@pytest.mark.parametrize("level", LEVELS)
def test_limits_are_told_by_the_box(built: Built, level: Level) -> None:
    script = "i=0; while [ $i -lt 400 ]; do sleep 60 & i=$((i + 1)); done; wait"
    _, verdict = built.shell(level, script)
    assert verdict == Verdict(limit="more than 300 processes")


@pytest.mark.parametrize("level", LEVELS)
def test_what_cannot_be_started_is_told_by_the_box(built: Built, level: Level) -> None:
    _, verdict = built.run(level, "/nonexistent/program")
    assert verdict.failed == "execute: No such file or directory (os error 2)"


@pytest.mark.parametrize("level", LEVELS)
def test_kernel_ends_what_is_boxed_first(built: Built, level: Level) -> None:
    for lifted, score in (((), "1000"), ((Protection.OOM,), None)):
        with built.started(level, "/bin/sleep", "80", lifted=lifted):
            assert eventually(lambda: "sleep" in names(built.ours))
            (sleeper,) = (one for one in standing_in(built.ours) if one.name() == "sleep")
            told = Path(f"/proc/{sleeper.pid}/oom_score_adj").read_text().strip()
            # In namespaces all that is around the box is so, too.
            assert told == score or (score is None and (told != "1000" or level is Level.FULL))


FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.fixture
def freezer() -> Iterator[Path]:
    """Who is in this group cannot even be killed until it is thawed (cgroup v1)."""
    folder = FREEZER / f"evolve-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"nobody can be frozen here: {error.strerror}")
    yield folder
    (folder / "freezer.state").write_text("THAWED")
    assert eventually(lambda: not (folder / "tasks").read_text())
    folder.rmdir()


def test_who_cannot_be_ended_is_told_of(
    built: Built, freezer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed_command, "WATCHER_SECONDS", 0.5)
    monkeypatch.setattr(boxed_command, "OUTSIDE_SECONDS", 1.0)

    def freeze() -> bool:
        for one in standing_in(built.ours):
            if one.name() == "sleep":
                (freezer / "tasks").write_text(str(one.pid))
                (freezer / "freezer.state").write_text("FROZEN")
                return True
        return False

    freezing = threading.Thread(target=lambda: eventually(freeze))
    freezing.start()
    with pytest.raises(LeftBehindError, match="1 processes"):
        built.run(Level.LANDLOCK, "/bin/sleep", "82", limits=Limits(4.0, 60.0, grace=0.1))
    freezing.join()
    (freezer / "freezer.state").write_text("THAWED")
    assert eventually(lambda: not standing_in(built.ours))
