"""Which sandbox a run has: as asked for, or aloud another one, or none only if that was typed."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest, wait_until
from seccomp_filter import without_system_call
from seen import skip_without_namespaces

from evolve_ai.model.errors import SandboxError
from evolve_ai.model.guarantee import Guarantee, Sandbox, level_told
from evolve_ai.model.sandbox import EVERYTHING, Box, Level, Protection
from evolve_ai.system import sandbox
from evolve_ai.system.box import NOT_STARTED, box_argv
from evolve_ai.system.bubblewrap import NAMESPACES, installed
from evolve_ai.ui.population import agents_table
from evolve_ai.ui.words import sandbox_colour

LONG = ("--set", "cycle.ticks=150")
FULL = ("--set", "sandbox.level=full")
NONE = ("--set", "sandbox.level=none")
LANDLOCK_CREATE_RULESET = 444


def facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_boxed(pid: int) -> bool:
    return facts(pid)["Seccomp"] == "2" and facts(pid)["NoNewPrivs"] == "1"


def season_begun(project: ProjectUnderTest) -> bool:
    order_log = project.root / "workspace" / "colony" / "order_log"
    return order_log.exists() and order_log.stat().st_size > 4000


def kill_in_a_season(project: ProjectUnderTest, *words: object) -> dict[str, int]:
    """The agents that are left."""
    running = project.start("life-cycle", *LONG, *words)
    wait_until(lambda: season_begun(project), "a season")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    return project.agent_pids()


@pytest.fixture(scope="module")
def _namespaces() -> None:
    words = (str(installed() or "/usr/bin/bwrap"), "--unshare-user", "--ro-bind", "/", "/")
    skip_without_namespaces(words)


needs_namespaces = pytest.mark.usefixtures("_namespaces")


# As asked for.


def test_run_is_boxed_and_nobody_had_to_ask(project: ProjectUnderTest) -> None:
    done = project.live(1, "--detach-on-exit")
    assert "sandbox" not in done.err
    pids = project.agent_pids().values()
    assert pids
    assert all(is_boxed(pid) for pid in pids)
    assert project.status()["sandbox"].startswith("landlock: a box for each agent and each build")
    [event] = project.events("sandbox")
    assert (event["level"], event["asked"], event["lost"]) == ("landlock", "landlock", None)
    project.evolve("stop")


@needs_namespaces
def test_full_puts_namespaces_around_the_boxes_and_changes_no_history(
    project: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], founded_project: Path
) -> None:
    before = kill_in_a_season(project, *FULL)
    ours = {name: Path(f"/proc/self/ns/{name}").readlink() for name in NAMESPACES}
    for pid in before.values():
        theirs = {name: Path(f"/proc/{pid}/ns/{name}").readlink() for name in NAMESPACES}
        assert all(theirs[name] != ours[name] for name in NAMESPACES)
        assert is_boxed(pid)
    assert project.status()["sandbox"].startswith("full: ")
    done = project.live(1, *LONG, *FULL, "--detach-on-exit")
    assert "took over" in done.err
    project.live(1, *LONG, *FULL)
    assert project.status()["tainted"] is None
    undisturbed = copy_of(founded_project, "undisturbed")
    undisturbed.live(2, *LONG)
    assert project.chain() == undisturbed.chain()


@needs_namespaces
def test_exam_and_several_colonies_live_in_namespaces(project: ProjectUnderTest) -> None:
    words = (*FULL, "--set", "demes=2", "--set", "colonies=2")
    project.live(1, *words)
    assert project.status()["tainted"] is None
    assert project.status()["sandbox"].startswith("full: ")
    assert project.evolve("exam", "--json", *words).json["founders"]["agents"]


# Less than was asked for.


def test_full_that_cannot_be_had_is_landlock_aloud(
    project: ProjectUnderTest, tmp_path: Path
) -> None:
    """As on a distribution that allows no user namespaces."""
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho bwrap: No permissions to create a new namespace >&2\nexit 1\n")
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    done = project.evolve("life-cycle", "--cycles", 1, *FULL, env=env)
    for words in ("landlock, not full", "No permissions to create", "no longer guaranteed"):
        assert words in done.err
        assert words in project.status()["sandbox"]
    [event] = project.events("sandbox")
    assert (event["level"], event["asked"]) == ("landlock", "full")
    assert "No permissions" in event["lost"]
    told = project.evolve("doctor", *FULL, code=1, env=env).out
    assert "NO  sandbox: landlock, not full" in told
    assert "install bubblewrap" in told


@needs_namespaces
def test_kernel_without_landlock_runs_nothing_that_is_not_told_to_be_unsafe(
    project: ProjectUnderTest, tmp_path: Path
) -> None:
    """A real one for all that its programs can see: the system call is not there."""
    program = tmp_path / "filter"
    program.write_bytes(without_system_call(LANDLOCK_CREATE_RULESET))

    def evolve(*words: object) -> "subprocess.CompletedProcess[str]":
        with program.open("rb") as filter:
            old = ("bwrap", "--dev-bind", "/", "/", "--seccomp", str(filter.fileno()), "--")
            argv = [*old, *EVOLVE, *map(str, words), "--project", str(project.root)]
            pass_fds = (filter.fileno(),)
            return subprocess.run(
                argv, capture_output=True, text=True, pass_fds=pass_fds, check=False
            )

    for words in (("life-cycle", "--cycles", 1), ("build",), ("exam",)):
        done = evolve(*words)
        assert done.returncode == 4, done.stderr
        assert "does not offer Landlock" in done.stderr
        assert "Linux 5.13 or later" in done.stderr
        assert "--unsafe" not in done.stderr
    assert not project.events("sandbox")
    assert "NO  sandbox: " in evolve("doctor").stdout
    done = evolve("life-cycle", "--cycles", 1, "--unsafe")
    assert done.returncode == 0, done.stderr
    assert project.status()["sandbox"].startswith("none: UNSAFE")


@needs_namespaces
@pytest.mark.parametrize(("lifted", "code"), [(EVERYTHING, 0), (frozenset(), NOT_STARTED)])
def test_box_of_nothing_needs_no_landlock(
    keeper: Path, tmp_path: Path, lifted: frozenset[Protection], code: int
) -> None:
    """So that a kernel without it can build with --unsafe."""
    program = tmp_path / "filter"
    program.write_bytes(without_system_call(LANDLOCK_CREATE_RULESET))
    boxed = box_argv(keeper, Box(lifted=lifted), ("/bin/true",), processes=4)
    with program.open("rb") as filter:
        old = ("bwrap", "--dev-bind", "/", "/", "--seccomp", str(filter.fileno()), "--")
        done = subprocess.run((*old, *boxed), pass_fds=(filter.fileno(),), check=False)
    assert done.returncode == code


def test_box_that_does_not_hold_is_not_trusted(
    keeper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "keeper"
    lines = "".join(rf"{name}\tbroken\tdone\n" for name in sorted(sandbox.PROBED))
    fake.write_text(f"#!/bin/sh\nprintf '{lines}'\nexit 1\n")
    fake.chmod(0o755)
    assert not any(one.held for one in sandbox.probe(fake, tmp_path, ()))
    fake.write_text("#!/bin/sh\nprintf 'files\\theld\\tdone\\n'\n")
    with pytest.raises(SandboxError, match="no box can be made"):
        sandbox.probe(fake, tmp_path, ())


def test_other_processor_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match="no box for agents on riscv64"):
        sandbox.refuse_other_processors()


# As near as we come to another system: what only Linux has is not there.
OF_LINUX = {
    "os": ("pidfd_open", "P_PIDFD", "memfd_create", "sched_getaffinity", "O_PATH"),
    "select": ("epoll", "EPOLLIN", "EPOLLOUT"),
    "signal": ("pidfd_send_signal",),
    "socket": ("SO_PEERCRED", "SOCK_CLOEXEC"),
    "resource": ("prlimit",),
}
ELSEWHERE = f"""
import importlib, platform, sys
for module, names in {OF_LINUX}.items():
    for name in names:
        delattr(importlib.import_module(module), name)
from evolve_ai.cli import evolve, main
list(evolve.commands.values())  # imported by this system
sys.platform, platform.system = "darwin", lambda: "Darwin"
main()
"""


@pytest.mark.parametrize("words", [("init", "2"), ("life-cycle",), ("build",), ("status",)])
def test_other_system_gets_a_sentence(words: tuple[str, ...], unfounded: ProjectUnderTest) -> None:
    argv = [sys.executable, "-c", ELSEWHERE, *words, "--project", str(unfounded.root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "by Linux (Landlock, seccomp, pidfd), and this is Darwin" in done.stderr


def test_doctor_on_another_system_says_so(unfounded: ProjectUnderTest) -> None:
    argv = [sys.executable, "-c", ELSEWHERE, "doctor", "--project", str(unfounded.root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("NO  system: ")


# None.


@pytest.mark.parametrize("words", [("life-cycle", "--cycles", 1), ("build",), ("exam",)])
def test_none_must_be_typed(words: tuple[str, ...], project: ProjectUnderTest) -> None:
    refused = project.evolve(*words, *NONE, code=2)
    assert 'sandbox.level is "none": agents and builds would have all your rights' in refused.err
    assert 'set sandbox.level = "landlock"' in refused.err
    assert "--unsafe" not in refused.err
    assert str(project.root / "evolve.toml") in refused.err
    assert not project.agent_pids()


def test_unsafe_is_said_in_every_report(project: ProjectUnderTest) -> None:
    done = project.live(1, "--unsafe", "--detach-on-exit")
    assert done.err.startswith("sandbox none: UNSAFE")
    assert not any(is_boxed(pid) for pid in project.agent_pids().values())
    assert project.status()["sandbox"].startswith("none: UNSAFE")
    for words in (("status",), ("agents",)):
        assert "UNSAFE" in project.evolve(*words).out
    assert "NO  sandbox: none: UNSAFE" in project.evolve("doctor", *NONE, code=1).out
    [event] = project.events("sandbox")
    assert (event["level"], event["asked"]) == ("none", "landlock")
    assert "UNSAFE" in project.evolve("build", "--unsafe").err
    project.evolve("stop")


def test_no_sandbox_is_red() -> None:
    line = str(Sandbox(Level.NONE))
    assert sandbox_colour(line) == "red"
    assert agents_table([], line).startswith("\x1b[31msandbox none: UNSAFE")
    assert "sandbox" not in agents_table([], str(Sandbox(Level.LANDLOCK)))
    assert sandbox_colour(str(Sandbox(Level.LANDLOCK, lost="no bwrap"))) == "yellow"


@pytest.mark.parametrize(
    "found",
    [
        Sandbox(Level.NONE),
        Sandbox(Level.FULL),
        Sandbox(Level.LANDLOCK),
        Sandbox(Level.LANDLOCK, lost="bubblewrap is not installed"),
        Sandbox(Level.LANDLOCK, (Guarantee("files", False, "done"),)),
    ],
)
def test_line_about_a_sandbox_tells_its_level(found: Sandbox) -> None:
    assert level_told(str(found)) is found.level
    assert level_told(None) is None


# From one level to another.


def test_agents_without_a_box_go_home_before_others_are_boxed(calm: ProjectUnderTest) -> None:
    calm.live(1, "--unsafe", "--detach-on-exit")
    unboxed = set(calm.agent_pids().values())
    calm.live(1, "--detach-on-exit")
    boxed = set(calm.agent_pids().values())
    assert len(boxed) == len(unboxed)
    assert not boxed & unboxed
    assert all(is_boxed(pid) for pid in boxed)
    assert calm.status()["tainted"] is None
    calm.evolve("stop")


def test_season_without_a_sandbox_is_not_gone_on_with_in_silence(
    project: ProjectUnderTest,
) -> None:
    before = kill_in_a_season(project, "--unsafe")
    refused = project.live(1, *LONG, code=2)
    assert "in the middle of a season" in refused.err
    assert "evolve stop" in refused.err
    assert project.agent_pids() == before, "nothing was done"
    project.evolve("stop", *LONG)
    project.live(1, *LONG)
    assert project.status()["tainted"] is None


def test_what_agents_may_read_cannot_be_their_siblings(project: ProjectUnderTest) -> None:
    for path in (project.root, project.root / "agents", project.root / "workspace" / "store"):
        refused = project.live(1, "--set", f'sandbox.readable=["{path}"]', code=2)
        assert f"sandbox.readable names {path}" in refused.err
