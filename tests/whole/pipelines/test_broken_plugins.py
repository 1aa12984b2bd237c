"""Plug-ins wrong in every way: a project can always be stopped, mended and gone on with."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from project_support import ProjectUnderTest, wait_until

PLUGINS = """
import os, pathlib, subprocess, sys, time
from dataclasses import replace
from evolve_ai.environments.solitary import SolitaryWorld

print("imported")

class Changed:
    name = "changed"

    def __init__(self, project, draws):
        self.inner = SolitaryWorld(project.settings.economy, draws)

    def open(self, places):
        return Environment(self.inner.open(places), self.change)

    def cost(self, load):
        return self.inner.cost(load)

    def exam(self, places):
        return None

    def change(self, verb, answer):
        return answer

class Environment:
    phases = 1

    def __init__(self, inner, change):
        self.inner, self.change = inner, change

    def __getattr__(self, verb):
        function = getattr(self.inner, verb)
        return lambda *arguments: self.change(verb, function(*arguments))

class Raises(Changed):
    def change(self, verb, answer):
        if verb == "percepts" and not pathlib.Path(__file__).with_name("mended").exists():
            raise RuntimeError("no percepts today")
        return answer

class Account(Changed):
    def change(self, verb, answer):
        if verb != "close":
            return answer
        told = {id: replace(one, **self.told) for id, one in answer.accounts.items()}
        return replace(answer, accounts=told)

class Floats(Account):
    told = {"energy": 17.5}

class NotANumber(Account):
    told = {"scores": {"reported": float("nan")}}

class Huge(Account):
    told = {"energy": 10**30}

def speak(*_):
    print("from print")
    sys.stderr.write("from stderr\\n")
    os.write(1, b"from a descriptor\\n")
    subprocess.run(["echo", "from a child"])

class Speaks(Changed):
    def change(self, verb, answer):
        speak()
        return answer

def leaves(view, rng):
    sys.exit(0)

def sleeps(view, rng):
    pathlib.Path(__file__).with_name("slept").touch()
    time.sleep(1000)
"""

SHORT = ("--set", "cycle.ticks=2")


@pytest.fixture
def project_with_plugins(project: ProjectUnderTest) -> ProjectUnderTest:
    (project.root / "mine.py").write_text(PLUGINS)
    return project


def world(name: str) -> tuple[str, ...]:
    return (*SHORT, "--set", f"environment=mine:{name}")


def break_in_a_season(project: ProjectUnderTest) -> None:
    done = project.live(1, *world("Raises"), code=2)
    assert "the environment 'mine:Raises': percepts() failed: RuntimeError: no percepts" in done.err
    assert f"{project.root / 'mine.py'}:" in done.err
    assert project.agent_pids(), "they wait for the season to go on"


def test_world_that_is_mended_goes_on_with_its_season(
    project_with_plugins: ProjectUnderTest,
) -> None:
    project = project_with_plugins
    break_in_a_season(project)
    (project.root / "mended").touch()
    project.live(1, *world("Raises"))
    assert project.status()["tainted"] is None
    assert project.status()["cycle"] == 1


def test_season_of_a_broken_world_is_abandoned_aloud(
    project_with_plugins: ProjectUnderTest,
) -> None:
    project = project_with_plugins
    break_in_a_season(project)
    refused = project.live(1, *SHORT, code=2)
    assert "evolve life-cycle --abandon-season" in refused.err
    done = project.live(1, *SHORT, "--abandon-season")
    assert "the season of cycle 1 was abandoned" in done.err
    status = project.status()
    assert (status["cycle"], status["population"]["alive"]) == (1, 8)
    assert "abandoned" in status["tainted"]
    commands = [event["command"] for event in project.events("command")]
    assert "abandon-season" in commands
    assert [event["reason"] for event in project.events("taint")] == [status["tainted"]]
    assert "nothing to abandon" in project.live(1, *SHORT, "--abandon-season").err


def test_stop_works_though_the_world_is_broken(project_with_plugins: ProjectUnderTest) -> None:
    project = project_with_plugins
    break_in_a_season(project)
    done = project.evolve("stop", *world("Raises"))
    assert "no percepts today" in done.err
    assert "stopped 8 agents" in done.out
    assert not project.processes()
    project.live(1, *SHORT)
    assert "no percepts today" in project.status()["tainted"]
    assert "nobody" in project.evolve("stop").out or "no life-cycle" in project.evolve("stop").out


def test_stop_works_whatever_else_is_broken(project_with_plugins: ProjectUnderTest) -> None:
    project = project_with_plugins
    break_in_a_season(project)
    with (project.root / "evolve.toml").open("a") as toml:
        toml.write("broken = [")
    (project.root / "mine.py").write_text("import nowhere")
    shutil.move(project.root / "agent_template", project.root / "elsewhere")
    done = project.evolve("stop")
    assert "not TOML" in done.err
    assert "the season of cycle 1 was abandoned" in done.err
    assert "stopped 8 agents" in done.out
    assert not project.processes()


def test_stop_works_though_the_registry_is_damaged(project_with_plugins: ProjectUnderTest) -> None:
    project = project_with_plugins
    break_in_a_season(project)
    workspace = project.root / "workspace"
    for path in workspace.glob("registry*"):
        path.write_bytes(b"no registry" * 1000)
    (project.root / "evolve.toml").unlink()
    done = project.evolve("stop")
    assert "without being asked for their memories" in done.err
    assert not project.processes()
    assert (workspace / "registry.sqlite").read_bytes().startswith(b"no registry")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Floats", "returned 17.5 as the energy of"),
        ("NotANumber", "returned nan as the score 'reported' of"),
        ("Huge", "as the energy of"),
    ],
)
def test_nothing_bad_enters_the_registry(
    project_with_plugins: ProjectUnderTest, name: str, words: str
) -> None:
    project = project_with_plugins
    done = project.live(1, *world(name), code=2)
    assert words in done.err
    assert f"the environment 'mine:{name}': close()" in done.err
    rows = project.agents()
    assert all(row["cause"] is None for row in rows), "no agent is charged"
    assert project.evolve("agents").out
    project.evolve("stop", *world("Changed"))
    project.evolve("show", rows[0]["id"])


def test_what_plugins_print_keeps_out_of_our_output(
    project_with_plugins: ProjectUnderTest,
) -> None:
    project = project_with_plugins
    toml = project.root / "evolve.toml"
    toml.write_text(toml.read_text().replace("[hooks]", '[hooks]\n"*" = ["mine:speak"]'))
    done = project.live(1, *world("Speaks"), "--json")
    assert json.loads(done.out)["cycle"] == 1
    assert "from" not in done.err
    logged = (project.root / "logs" / "plugins.log").read_text()
    for words in ("imported", "from print", "from stderr", "from a descriptor", "from a child"):
        assert words in logged


@pytest.mark.parametrize(
    ("name", "words"),
    [("leaves", "leaves() failed: SystemExit: 0"), ("sleeps", "did not return within 1 s")],
)
def test_policy_that_leaves_or_never_returns_is_named(
    project_with_plugins: ProjectUnderTest, name: str, words: str
) -> None:
    project = project_with_plugins
    done = project.live(
        1, *SHORT, "--selection", f"mine:{name}", "--set", "plugins.timeout=1.0", code=2
    )
    assert words in done.err
    project.live(1, *SHORT)
    assert project.status()["tainted"] is None


def test_second_ctrl_c_ends_a_policy_that_never_returns(
    project_with_plugins: ProjectUnderTest,
) -> None:
    project = project_with_plugins
    words = (*SHORT, "--selection", "mine:sleeps", "--set", "plugins.timeout=600")
    running = project.start("life-cycle", *words)
    slept = project.root / "slept"
    wait_until(slept.exists, "a policy at work")
    running.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(1)  # the policy may still come back
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "ended at once" in err
    assert not project.processes()
    project.live(1, *SHORT)
    assert "begins again" in project.status()["tainted"]


def test_worlds_in_processes_of_their_own_are_told_as_well(
    project_with_plugins: ProjectUnderTest,
) -> None:
    project = project_with_plugins
    several = ("--set", "demes=2", "--set", "colonies=2")
    done = project.live(1, *several, *world("Raises"), code=2)
    assert "the environment 'mine:Raises': percepts() failed: RuntimeError" in done.err
    assert "stopped 8 agents" in project.evolve("stop", *several, *world("Raises")).out
    assert not project.processes()


LONG = "year,x\n" + "".join(f"{n},{(n * 7919) % 1000 / 10}\n" for n in range(8760))


def test_a_past_of_thousands_is_told_in_several_frames(
    project: ProjectUnderTest, tmp_path: Path
) -> None:
    (project.root / "hours.csv").write_text(LONG)
    project.set(file='"hours.csv"', replay=9000)
    project.live(2, *SHORT)
    status = project.status()
    assert (status["tainted"], status["restarts"]) == (None, 0)
    assert all(row["cause"] is None for row in project.agents())
    assert project.evolve("exam", "--json").json["living"]["median_s"] > 0.0
