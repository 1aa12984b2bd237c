"""Processes: their identity, their end, and strangers left alone."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evolve_ai.model.agent import Cause
from evolve_ai.system import identity, processes
from evolve_ai.system.exits import Exit, explain
from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.listing import usage
from evolve_ai.system.proc_stat import Sweep

STUBBORN = (
    "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(99)"
)


@pytest.fixture
def sleeper(nothing_left):
    with subprocess.Popen(["/bin/sleep", "99"]) as process:
        yield process
        process.kill()


def identity_of(process: subprocess.Popen) -> Identity:
    found = identify(process.pid)
    assert found is not None
    return found


def test_identity_lives_as_long_as_its_process(sleeper):
    found = identity_of(sleeper)
    assert found.lives()
    assert Identity.from_map(found.to_map()) == found
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not found.lives(), "a zombie lives no more"
    sleeper.wait()
    assert not found.lives()


def test_stranger_with_a_reused_pid_or_of_another_boot_is_not_adopted(sleeper):
    found = identity_of(sleeper)
    for stranger in (replace(found, start_time=found.start_time - 1), replace(found, boot_id="x")):
        assert processes.adopt_or_none(stranger) is None
    pidfd = processes.adopt_or_none(found)
    assert pidfd is not None
    os.close(pidfd)


def test_process_that_is_gone_is_not_adopted(sleeper):
    found = identity_of(sleeper)
    sleeper.kill()
    sleeper.wait()
    assert processes.adopt_or_none(found) is None


def test_strangers_left_behind_are_ended_and_reused_pids_spared(sleeper):
    spared = replace(identity_of(sleeper), start_time=1)
    command = [sys.executable, "-c", STUBBORN]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as stubborn,
        subprocess.Popen(["/bin/sleep", "99"]) as polite,
    ):
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        left = [identity_of(stubborn), identity_of(polite), spared]
        assert processes.end_strangers_left_behind(left, grace=0.2) == ()
        assert stubborn.wait() == -signal.SIGKILL
        assert polite.wait() == -signal.SIGTERM
    assert sleeper.poll() is None


def test_usage_counts_cpu_and_memory():
    before = usage(os.getpid())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    after = usage(os.getpid())
    assert before is not None and after is not None
    assert 0.05 < after.cpu_seconds - before.cpu_seconds < 1
    assert after.rss_bytes > 5_000_000
    assert usage(2**22 + 5) is None


@contextmanager
def killed_at_last(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """So that a test that fails does not wait for it."""
    try:
        yield
    finally:
        process.kill()


def test_sweep_sees_what_each_has_used_since(nothing_left):
    with subprocess.Popen(["/bin/sleep", "99"]) as sleeper, killed_at_last(sleeper):
        sleeper.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
        sweep, pids = Sweep(), [os.getpid(), sleeper.pid, 2**22 + 5]
        first = sweep(pids)
        assert set(first) == {os.getpid(), sleeper.pid}
        told = usage(sleeper.pid)
        assert told is not None
        seen = first[sleeper.pid]
        assert (seen.cpu_seconds, seen.threads) == (told.cpu_seconds, told.threads)
        # The kernel counts pages for each processor: stat and statm differ by what is under way.
        assert abs(seen.rss_bytes - told.rss_bytes) < 1_000_000
        deadline = time.process_time() + 0.1
        while time.process_time() < deadline:
            pass
        second = sweep(pids)
        assert second[os.getpid()].cpu_seconds >= first[os.getpid()].cpu_seconds + 0.05
        assert second[sleeper.pid] is first[sleeper.pid], "one that rests is not parsed again"
        sleeper.kill()
        sleeper.wait()
        assert set(sweep(pids)) == {os.getpid()}


def test_name_with_parentheses_and_blanks_does_not_hide_the_numbers(tmp_path, nothing_left):
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "99"]) as process:
        try:
            name, deadline = Path(f"/proc/{process.pid}/comm"), time.monotonic() + 5
            while name.read_text() != "a) R 1 (b\n" and time.monotonic() < deadline:
                pass
            assert name.read_text() == "a) R 1 (b\n"
            assert identity_of(process).lives()
        finally:
            process.kill()


def test_descriptor_limit_is_lifted_to_the_hard_one():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        assert processes.raise_descriptor_limit() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_kernel_counts_its_out_of_memory_kills():
    assert identity.out_of_memory_kills() >= 0


@pytest.mark.parametrize(
    ("exit", "out_of_memory", "cause", "reason"),
    [
        (Exit(code=0), False, Cause.DONE, "exited with code 0"),
        (Exit(code=125), False, Cause.NEVER_RESTART, "exited with code 125"),
        (Exit(code=3), True, Cause.CRASH, "exited with code 3"),
        (Exit(signal=6), False, Cause.CRASH, "killed by SIGABRT (6)"),
        (Exit(signal=9), False, Cause.CRASH, "killed by SIGKILL (9)"),
        (Exit(signal=9), True, Cause.OOM, "killed by SIGKILL (9)"),
        (Exit(signal=24), False, Cause.CPU, "killed by SIGXCPU (24)"),
        (Exit(signal=31), False, Cause.SANDBOX, "killed by SIGSYS (31)"),
        (Exit(signal=63), False, Cause.CRASH, "killed by signal 63"),
        (Exit(), False, Cause.UNKNOWN, "ended, its exit code is lost"),
    ],
)
def test_every_end_has_a_cause(exit, out_of_memory, cause, reason):
    fault = explain(exit, "", out_of_memory=out_of_memory)
    assert (fault.cause, fault.reason) == (cause, reason)
    quoted = explain(exit, "boom", out_of_memory=out_of_memory).reason
    assert quoted == f"{reason}; last line of agent.log: boom"
