"""The terminal is no dependency of history: it closes, is ascii, is full, is not there at all."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest, wait_until
from terminals_support import ended_well, leading, on, read_until, terminal


def test_shell_that_says_it_twice_is_no_wish_to_end_at_once(project: ProjectUnderTest) -> None:
    """Of a closing terminal the kernel tells the foreground, and a shell its jobs."""
    running = project.start("life-cycle", "--set", "cycle.ticks=400")
    wait_until(project.agent_pids, "agents", 240)
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        running.send_signal(number)
    running.communicate(timeout=240)
    ended_well(project, running)


def test_signal_that_comes_twice_in_a_moment_is_one(project: ProjectUnderTest) -> None:
    """As from timeout(1), which tells its child, and then the group of both."""
    argv = ["timeout", "--preserve-status", "3", *EVOLVE, "life-cycle", "--project"]
    done = subprocess.run(
        [*argv, str(project.root)], capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, "ended at once" in done.stderr) in ((0, False), (143, False))
    assert not project.processes()
    assert project.status()["tainted"] is None


def deaf() -> None:
    """As with nohup on a terminal."""
    leading()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.parametrize("before", [deaf, None], ids=["ignores the hangup", "of somebody else"])
def test_life_cycle_that_hears_no_hangup_goes_on_unseen(
    project: ProjectUnderTest, before: Callable[[], None] | None
) -> None:
    """From the end of the terminal on every write to it fails with EIO."""
    with terminal() as (ours, theirs):
        running = on(project, theirs, "life-cycle", "--cycles", 4, before=before)
        os.close(theirs)
        read_until(ours, b"cycle    1")
        os.close(ours)
        ended_well(project, running)
    assert project.status()["cycle"] == 4


def test_terminal_that_is_stopped_does_not_stop_time(project: ProjectUnderTest) -> None:
    """Ctrl-S: it takes nothing more. Agents that hear nothing for long would end."""
    with terminal() as (ours, theirs):
        running = on(project, theirs, "life-cycle", "--cycles", 6)
        read_until(ours, b"cycle    1")
        os.write(ours, b"\x13")
        assert running.wait(240) == 0
    assert project.status()["cycle"] == 6
    assert project.status()["tainted"] is None


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
def test_reader_who_goes_away_ends_no_life_cycle_that_has_an_end(
    project: ProjectUnderTest, closed: str
) -> None:
    running = project.start("life-cycle", "--cycles", 4)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    for name in ("stdout", "stderr"):
        if closed in (name, "both"):
            getattr(running, name).close()
    assert running.wait(240) == 0
    assert project.status()["cycle"] == 4
    assert project.status()["tainted"] is None
    if closed == "stdout":
        assert "the life-cycle goes on without output" in running.stderr.read()


def test_full_disk_behind_stdout_ends_no_life_cycle(project: ProjectUnderTest) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [*EVOLVE, "life-cycle", "--cycles", "3", "--project", str(project.root)]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.count("stdout: No space left on device") == 1
    assert project.status()["cycle"] == 3


@pytest.mark.parametrize("words", [("status",), ("agents", "--json"), ("--version",), ("doctor",)])
def test_answer_that_could_not_be_written_is_no_success(
    project: ProjectUnderTest, words: tuple[str, ...]
) -> None:
    at = () if words[0].startswith("--") else ("--project", str(project.root))
    with Path("/dev/full").open("w") as full:
        argv = [*EVOLVE, *words, *at]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "evolve: stdout: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("agents", "--all"), ("status", "--json"), ("logs",)])
def test_reader_of_a_look_who_goes_away_is_no_trouble(
    project: ProjectUnderTest, words: tuple[str, ...]
) -> None:
    project.live(1)
    more = (project.agents()[0]["id"],) if words == ("logs",) else ()
    read, write = os.pipe()
    os.close(read)
    argv = [*EVOLVE, *words, *more, "--project", str(project.root)]
    done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == "", "as in: evolve agents | head"


ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=["ascii", "latin-1", "C"])
def test_terminal_that_lacks_characters_is_told_in_others(
    project: ProjectUnderTest, encoding: dict[str, str]
) -> None:
    def told(*words: object) -> str:
        argv = [*EVOLVE, *map(str, words), "--project", str(project.root)]
        done = subprocess.run(argv, capture_output=True, env={**os.environ, **encoding}, check=True)
        return done.stdout.decode(encoding.get("PYTHONIOENCODING", "ascii"))

    assert told("life-cycle", "--cycles", 2).count("alive") == 2
    (agent, *_) = project.agents()
    for words in (("status",), ("agents",), ("show", agent["id"]), ("status", "--help")):
        assert told(*words)


def test_ascii_terminal_with_a_bar_lives_on(project: ProjectUnderTest) -> None:
    def plainly() -> None:
        leading()
        os.environ["PYTHONIOENCODING"] = "ascii"

    with terminal() as (ours, theirs):
        running = on(project, theirs, "life-cycle", "--cycles", 2, before=plainly)
        os.close(theirs)
        seen = read_until(ours, b"cycle    2")
        seen.decode("ascii")
        with suppress(OSError):  # EIO: its end is closed
            while data := os.read(ours, 65536):
                data.decode("ascii")
        assert running.wait(60) == 0


def test_descriptors_that_are_closed_are_never_taken_by_files_of_ours(
    project: ProjectUnderTest,
) -> None:
    """Else the registry may become what a stray line is written to."""
    words = f"{sys.executable} -m evolve_ai life-cycle --cycles 2 --project {project.root}"
    done = subprocess.run(["sh", "-c", f"exec {words} <&- >&- 2>&-"], check=False)
    assert done.returncode == 0
    assert project.evolve("verify").out.count("ok  registry") == 1
    assert project.status()["cycle"] == 2
