"""What the words of tools, and errors of system calls, say that a machine has refused."""

import errno
import os
import resource
from pathlib import Path

import pytest

from evolve_ai.model.errors import MachineError
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.refusals import of_error, refusal, short_of

PROCESSES = [
    'failed to spawn helper thread: Os { code: 11, kind: WouldBlock, message: "Resource '
    'temporarily unavailable" }',
    "could not execute process `rustc -vV` (never executed)\n\nCaused by:\n  Resource temporarily "
    "unavailable (os error 11)",
    "collect2: fatal error: vfork: Resource temporarily unavailable",
    "sh: 1: Cannot fork",
    "sh: fork: retry: Resource temporarily unavailable",
    "RuntimeError: can't start new thread",
]
FILES = ["error: Too many open files (os error 24)", "Os { code: 24, kind: Uncategorized }"]
NOT_EXECUTED = [
    "error: could not execute process `/x/build-script-build` (never executed)\n\nCaused by:\n"
    "  Permission denied (os error 13)",
    "collect2: cannot execute 'ld': Permission denied",
]


@pytest.mark.parametrize("told", PROCESSES)
def test_lack_of_processes_is_told_with_all_that_may_limit_them(told: str) -> None:
    found = refusal(told, what="no compiler can be run")
    assert found is not None
    assert found.what == "no compiler can be run: no more processes or threads are allowed"
    for limit in ("ulimit -u", "pids.max", "kernel.pid_max", "TasksMax"):
        assert limit in str(found.todo)


@pytest.mark.parametrize("told", FILES)
def test_lack_of_open_files_is_told(told: str) -> None:
    assert short_of(told) == errno.EMFILE
    assert short_of("Too many open files in system (os error 23)") in (errno.EMFILE, errno.ENFILE)


@pytest.mark.parametrize("told", NOT_EXECUTED)
def test_program_that_may_not_be_executed_is_told(told: str) -> None:
    found = refusal(told, what="no compiler can be run")
    assert found is not None
    assert "noexec" in str(found.todo)


OF_CODE = [
    "",
    "error[E0308]: mismatched types",
    "thread 'rustc' panicked at 'index out of bounds'",
    "error: could not compile `x` (lib) due to 11 previous errors",
    "os error 110",
    "code: 115",
]


@pytest.mark.parametrize("told", OF_CODE)
def test_errors_of_code_are_none_of_the_machine(told: str) -> None:
    assert refusal(told, what="") is None


def test_errors_of_system_calls_are_told_by_their_number() -> None:
    found = of_error(BlockingIOError(errno.EAGAIN, "no"))
    assert isinstance(found, MachineError)
    assert found.exit_code == 4
    assert of_error(RuntimeError("can't start new thread")) is not None
    assert of_error(MemoryError()) is not None
    assert of_error(FileNotFoundError(errno.ENOENT, "no")) is None
    assert of_error(RuntimeError("another")) is None


def test_command_that_cannot_be_started_for_want_of_files_is_the_machines_refusal(
    tmp_path: Path,
) -> None:
    held = []
    soft = 60
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        while True:
            try:
                held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        with pytest.raises(MachineError, match="open files") as refused:
            run_command(["true"], cwd=tmp_path, env={}, limits=Limits(5, 5))
        assert "ulimit -n" in str(refused.value.todo)
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
