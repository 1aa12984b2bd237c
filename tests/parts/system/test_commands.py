"""Tests of running external commands, with real processes."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from evolve_ai.system import commands
from evolve_ai.system.commands import (
    CancelledError,
    Completed,
    Ending,
    Limits,
    cancelled_by,
    run_command,
)

QUICK = Limits(total=10.0, silence=10.0, grace=0.3)
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def shell(script: str, folder: Path, limits: Limits = QUICK, **more: object) -> Completed:
    return run_command(["sh", "-c", script], cwd=folder, env=ENV, limits=limits, **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_outputs_and_status_are_told_apart(tmp_path: Path) -> None:
    done = shell("echo out; echo err >&2; exit 3", tmp_path)
    assert (done.stdout, done.stderr, done.code) == (b"out\n", b"err\n", 3)
    assert done.ending is Ending.EXITED


def test_environment_and_folder_are_the_given_ones(tmp_path: Path) -> None:
    done = run_command(["env"], cwd=tmp_path, env={**ENV, "X": "1"}, limits=QUICK)
    assert sorted(done.stdout.split()) == sorted([b"PATH=" + ENV["PATH"].encode(), b"X=1"])
    assert shell("pwd", tmp_path).stdout.strip().decode() == str(tmp_path.resolve())


def test_much_output_on_both_sides_does_not_block(tmp_path: Path) -> None:
    script = "import sys; sys.stderr.write('e' * 10**6); sys.stdout.write('o' * 10**6)"
    done = run_command([sys.executable, "-c", script], cwd=tmp_path, env=ENV, limits=QUICK)
    assert (len(done.stdout), len(done.stderr)) == (10**6, 10**6)


def test_lines_are_told_as_they_come(tmp_path: Path) -> None:
    heard: list[tuple[bytes, float]] = []
    shell(
        "echo one; sleep 0.3; echo two; printf rest",
        tmp_path,
        on_line=lambda line: heard.append((line, time.monotonic())),
    )
    assert [line for line, _ in heard] == [b"one", b"two"]
    assert heard[1][1] - heard[0][1] > 0.2


def test_words_that_come_with_the_end_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It speaks and ends between a look at its output and one at itself."""
    read = commands._Reader._read

    def too_early(reader: Any, seconds: float) -> bool:
        if reader.process.returncode is None:
            reader.process.wait()
            return False
        return read(reader, seconds)

    monkeypatch.setattr(commands._Reader, "_read", too_early)
    heard: list[bytes] = []
    done = shell("echo one; echo two >&2; printf rest", tmp_path, on_line=heard.append)
    assert (done.stdout, done.stderr, heard) == (b"one\nrest", b"two\n", [b"one"])
    assert done.ending is Ending.EXITED


def test_command_over_its_total_time_is_ended_though_it_speaks(tmp_path: Path) -> None:
    limits = Limits(total=0.6, silence=0.5, grace=0.2)
    done = shell("while :; do echo x; sleep 0.1; done", tmp_path, limits)
    assert done.ending is Ending.TOTAL_TIMEOUT
    assert done.code == -15
    assert 0.6 <= done.seconds < 2


def test_silent_command_is_ended_and_what_it_said_is_kept(tmp_path: Path) -> None:
    done = shell("echo last words; sleep 600", tmp_path, Limits(total=60, silence=0.3, grace=0.2))
    assert done.ending is Ending.SILENCE_TIMEOUT
    assert done.stdout == b"last words\n"


def test_command_and_child_that_ignore_sigterm_are_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; (trap '' TERM; sleep 600) & echo $! $$; wait; sleep 600"
    done = shell(script, tmp_path, Limits(total=60, silence=0.4, grace=0.2))
    assert done.code == -9
    time.sleep(0.05)
    assert not any(alive(int(pid)) for pid in done.stdout.split())


def test_stray_child_that_holds_the_outputs_is_not_waited_for(tmp_path: Path) -> None:
    done = shell("sleep 20 & echo $!", tmp_path)
    assert done.ending is Ending.EXITED
    assert done.seconds < 5
    run_command(["kill", done.stdout.decode().strip()], cwd=tmp_path, env=ENV, limits=QUICK)


def test_listener_that_fails_leaves_no_process(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail(line: bytes) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell("echo $$; sleep 600", tmp_path, on_line=fail)
    assert not alive(pids[0])


def test_missing_command_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_command(["no-such-command-here"], cwd=tmp_path, env=ENV, limits=QUICK)


def test_cancelled_command_is_ended_with_its_children(tmp_path: Path) -> None:
    cancel, pids = threading.Event(), tmp_path / "pids"
    threading.Timer(0.3, cancel.set).start()
    began = time.monotonic()
    with cancelled_by(cancel), pytest.raises(CancelledError):
        shell(f"sleep 600 & echo $! $$ > {pids}; wait", tmp_path)
    assert time.monotonic() - began < 5
    time.sleep(0.05)
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


def test_nothing_is_begun_once_it_is_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with cancelled_by(cancel), pytest.raises(CancelledError):
        shell("sleep 600", tmp_path)
    assert shell("echo on", tmp_path).stdout == b"on\n", "outside nothing is cancelled"


def test_command_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    limits = Limits(total=60.0, silence=60.0, grace=0.3, output=10**6)
    done = shell("yes", tmp_path, limits)
    assert done.ending is Ending.FLOOD
    assert 10**6 < len(done.stdout) < 10**7
    assert done.seconds < 20
