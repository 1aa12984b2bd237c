"""What the machine refuses is told once, with what helps, and is no agent's fault."""

import errno
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest, wait_until
from seccomp_filter import without_system_call

from evolve_ai.system.reserves import SPARE_DESCRIPTORS

EXECVEAT = {"x86_64": 322, "aarch64": 281}
MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}
_PIDS = Path("/sys/fs/cgroup/pids")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def ran(before: Sequence[object], project: ProjectUnderTest, *words: object) -> "Finished":
    argv = [*map(str, before), *EVOLVE, *map(str, words), "--project", str(project.root)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)


Finished = subprocess.CompletedProcess[str]


def nobody_is_charged(project: ProjectUnderTest, rows: list[dict[str, object]]) -> None:
    """All are as they were, and nothing is held against anybody."""
    assert project.agents() == rows
    assert not [event for event in project.events("exit") if event["cause"] != "planned"]
    assert not project.events("quarantine")
    assert not project.processes()


@pytest.fixture
def noexec_memory() -> tuple[str, ...]:
    """Words before a command: nothing is executed from memory (a pid namespace has the sysctl of
    its own). Skips, aloud, where none can be made."""
    script = 'echo 2 > /proc/sys/vm/memfd_noexec && exec "$@"'
    words = ("unshare", "-pf", "--kill-child", "--mount-proc", "sh", "-c", script, "sh")
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no pid namespace with vm.memfd_noexec: {done.stderr.strip()}")
    return words


def test_agents_live_where_nothing_is_executed_from_memory(
    calm: ProjectUnderTest, noexec_memory: tuple[str, ...]
) -> None:
    done = ran(noexec_memory, calm, "life-cycle", "--cycles", 2)
    assert done.returncode == 0, done.stderr
    running = [row for row in calm.agents() if row["state"] == "waiting"]
    assert len(running) == len(calm.agents())
    assert calm.status()["tainted"] is None
    assert len(calm.events("start")) >= len(running)
    assert not [event for event in calm.events("exit") if event["cause"] != "planned"]


@pytest.mark.parametrize("answer", [errno.EPERM, errno.ENOSYS])
def test_agents_live_where_a_container_forbids_to_make_memory_files(
    calm: ProjectUnderTest, answer: int, tmp_path: Path
) -> None:
    done = filtered(tmp_path, MEMFD_CREATE, answer, calm, "life-cycle", "--cycles", 1)
    assert done.returncode == 0, done.stderr
    assert "1 cycle" not in done.stderr
    assert calm.status()["tainted"] is None


def filtered(
    folder: Path, call: dict[str, int], answer: int, project: ProjectUnderTest, *words: object
) -> Finished:
    """Run where a filter, as that of a container, answers a system call so. Skips, aloud."""
    if platform.machine() not in call:
        pytest.skip(f"the number of this system call on {platform.machine()} is not known here")
    program = folder / "filter"
    program.write_bytes(without_system_call(call[platform.machine()], answer))
    script = f'exec 9<{program}; exec bwrap --dev-bind / / --seccomp 9 "$@"'
    trial = subprocess.run(["sh", "-c", script, "sh", "true"], capture_output=True, text=True)
    if trial.returncode:
        pytest.skip(f"bubblewrap cannot put a filter here: {trial.stderr.strip()}")
    return ran(["sh", "-c", script, "sh"], project, *words)


@pytest.mark.parametrize("answer", [errno.EPERM, errno.ENOSYS])
def test_machine_that_lets_nobody_be_executed_is_told_once_and_costs_nobody(
    calm: ProjectUnderTest, answer: int, tmp_path: Path
) -> None:
    before = calm.agents()
    done = filtered(tmp_path, EXECVEAT, answer, calm, "life-cycle", "--cycles", 2)
    assert done.returncode == 4
    assert "execveat" in done.stderr
    assert "--unsafe" not in done.stderr
    nobody_is_charged(calm, before)
    # Where no box is tried beforehand, the starts themselves are refused.
    done = filtered(tmp_path, EXECVEAT, answer, calm, "life-cycle", "--cycles", 2, "--unsafe")
    assert done.returncode == 4
    assert done.stderr.count("this machine lets no agent be started") == 1
    assert "execveat" in done.stderr
    nobody_is_charged(calm, before)
    calm.live(1)
    assert calm.status()["tainted"] is None


@pytest.fixture
def few_processes() -> Iterator[Callable[[int], tuple[str, ...]]]:
    """Words before a command that may have so many processes and threads. Skips, aloud."""
    group = _PIDS / f"evolve-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group for pids can be made here: {error}")

    def words(count: int) -> tuple[str, ...]:
        (group / "pids.max").write_text(str(count))
        return ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")

    yield words
    wait_until(lambda: not (group / "cgroup.procs").read_text(), "the end of all in the group")
    group.rmdir()


def unbuilt(project: ProjectUnderTest) -> ProjectUnderTest:
    """With a gene file that no compiler has seen."""
    text = f"// {project.root}\n"
    for folder in (project.root / "agent_template", *(project.root / "agents").iterdir()):
        path = folder / "src" / "genes" / "curiosity.rs"
        path.write_text(path.read_text() + text)
    return project


@pytest.mark.parametrize("count", [8, 11, 14])
def test_few_processes_for_compilers_are_told_once_and_cost_nobody(
    calm: ProjectUnderTest, few_processes: Callable[[int], tuple[str, ...]], count: int
) -> None:
    unbuilt(calm)
    before = calm.agents()
    done = ran(few_processes(count), calm, "life-cycle", "--cycles", 1, "--workers", 1)
    assert done.returncode == 4, done.stderr
    assert "no more processes or threads are allowed" in done.stderr
    assert "pids.max" in done.stderr
    assert "crashed" not in done.stderr
    assert "install Rust" not in done.stderr
    nobody_is_charged(calm, before)
    calm.live(1)
    assert not calm.events("quarantine")


def test_nobody_starves_for_whom_the_machine_has_no_process(calm: ProjectUnderTest) -> None:
    words = ("--cycles", "3", "--set", "budget.descriptors=100000", "--workers", "1")
    for spare in (40, 30, 20, 10):  # how many we need ourselves depends on the machine
        before = {row["id"]: (row["energy"], row["age"]) for row in calm.agents()}
        few = SPARE_DESCRIPTORS + spare
        done = ran(["prlimit", f"--nofile={few}:{few}"], calm, "life-cycle", *words)
        assert done.returncode == 0, done.stderr
        after = {row["id"]: (row["energy"], row["age"]) for row in calm.agents()}
        if any(after[agent] == before[agent] for agent in before):
            break
    else:
        pytest.fail("nobody was refused a process: the test is too kind")
    assert "raise ulimit -n" in calm.status()["tainted"]


def everyone(project: ProjectUnderTest, pid: int) -> list[int]:
    found = {process.pid for process in project.processes()}
    return [pid, *sorted(found - {pid})]


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a compiler that has ended since
        os.kill(pid, number)


@pytest.mark.parametrize("orchestrator_first", [True, False])
def test_nobody_is_late_after_all_have_stood_still(
    calm: ProjectUnderTest, orchestrator_first: bool
) -> None:
    """As in a suspended laptop or a paused machine, for longer than any deadline."""
    words = ("--set", "supervise.wall_deadline=1", "--set", "cycle.ticks=2000")
    running = calm.start("life-cycle", "--cycles", 2, *words)
    wait_until(lambda: len(calm.agent_pids()) == len(calm.agents()), "all agents")
    time.sleep(0.3)  # into the season, so that some are asked; else the test is only kinder
    frozen = everyone(calm, running.pid)
    for pid in frozen:
        send(pid, signal.SIGSTOP)
    time.sleep(4.0)  # the very thing: time in which nobody runs
    thawed = frozen if orchestrator_first else frozen[::-1]
    for number, pid in enumerate(thawed):
        send(pid, signal.SIGCONT)
        if number == 0:
            time.sleep(0.5)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert calm.status()["tainted"] is None
    assert not [event for event in calm.events("exit") if event["cause"] != "planned"]
    assert not calm.events("restart")


def test_build_goes_on_after_it_has_stood_still(calm: ProjectUnderTest) -> None:
    unbuilt(calm)
    words = ("--set", "build.timeout=60", "--set", "build.silence=10")
    running = calm.start("life-cycle", "--cycles", 1, *words)
    wait_until(lambda: rustc_of(calm), "a compiler", every=0.01)
    frozen = everyone(calm, running.pid)
    for pid in frozen:
        send(pid, signal.SIGSTOP)
    time.sleep(12.0)  # the very thing: longer than a compiler may be silent
    for pid in frozen:
        send(pid, signal.SIGCONT)
    _, err = running.communicate(timeout=200)
    assert running.returncode == 0, err
    assert calm.status()["tainted"] is None
    assert not calm.events("quarantine")


def rustc_of(project: ProjectUnderTest) -> bool:
    return any("--crate-name" in " ".join(one.cmdline()) for one in project.processes())


def test_agents_that_heard_nothing_while_only_we_stood_still_have_not_failed(
    calm: ProjectUnderTest,
) -> None:
    calm.set(orphan_seconds=2)
    long = ("--set", "cycle.ticks=3000", "--set", "selection=none")  # such a season is dear
    words = (*long, "--cycles", 2)
    running = calm.start("life-cycle", *words)
    wait_until(lambda: len(calm.agent_pids()) == len(calm.agents()), "all agents")
    os.kill(running.pid, signal.SIGSTOP)
    wait_until(lambda: not calm.agent_pids(), "the end of all agents")
    os.kill(running.pid, signal.SIGCONT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert "orphan time" in calm.status()["tainted"]
    assert {row["failures"] for row in calm.agents() if "failures" in row} <= {0}
    assert not [event for event in calm.events("exit") if event["cause"] != "planned"]
