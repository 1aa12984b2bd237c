"""What operators ask for, with a life-cycle that runs, one that is paused, and none at all."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from project_support import UNDYING, ProjectUnderTest, wait_until
from seen import first_word

from evolve_ai.colony.agent_log import trim
from evolve_ai.operator import commands as commands_module
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble

TYPO = """//! A gene that no compiler takes.
use crate::kernel::Agent;

/// Does not compile.
pub fn wrong(agent: &mut Agent) {
    let number: u64 = "seven";
    agent.keep("typo", number as f64);
}
"""
CYCLES = 2
SLEEPS = ("--set", "cycle.sleep=60")


@pytest.fixture(scope="module")
def mixed_project(lasting: Callable[..., ProjectUnderTest]) -> Path:
    """Founders after two cycles; some run, some are quarantined since they do not compile."""
    project = lasting(**UNDYING, mutation_rate=0.5)
    project.gene("typo", TYPO.replace('"seven"', "7"))
    project.evolve("init", 9)
    project.spoil("typo", TYPO)
    project.live(CYCLES)
    return project.root


@pytest.fixture
def mixed(copy_of: Callable[..., ProjectUnderTest], mixed_project: Path) -> ProjectUnderTest:
    return copy_of(mixed_project)


def of_state(project: ProjectUnderTest, state: str) -> list[str]:
    return sorted(row["id"] for row in project.agents("--all") if row["state"] == state)


def commands(project: ProjectUnderTest, name: str) -> list[dict[str, Any]]:
    return [event for event in project.events("command") if event["command"] == name]


def outcome(project: ProjectUnderTest, name: str) -> str:
    """What became of a command that was left to the life-cycle."""
    told = wait_until(lambda: commands(project, name), f"the outcome of {name}")
    return str(told[-1]["outcome"])


def agent_process(project: ProjectUnderTest, agent: str) -> list[psutil.Process]:
    return [p for p in project.processes() if first_word(p) == f"agent-{agent}"]


def asleep(project: ProjectUnderTest, *words: str) -> "subprocess.Popen[str]":
    """A life-cycle in the pause after its first cycle, with its agents alive."""
    before = len(project.events("cycle"))
    running = project.start("life-cycle", *SLEEPS, *words)
    wait_until(lambda: len(project.events("cycle")) > before, "a cycle")
    return running


# kill


def test_killed_agent_is_dead_at_once_and_its_process_and_folder_are_gone(
    mixed: ProjectUnderTest,
) -> None:
    running = asleep(mixed)
    victim, other = of_state(mixed, "running")[:2]
    assert agent_process(mixed, victim)
    told = mixed.evolve("kill", victim[:13], other, victim).out
    assert f"pid {running.pid}" in told
    assert "kill 2 agents" in told
    assert outcome(mixed, "kill") == "killed 2"
    assert not agent_process(mixed, victim)
    wait_until(lambda: not mixed.folder(victim).exists(), "the end of its folder")
    death = mixed.events("death", victim)[0]
    assert (death["cause"], death["cycle"]) == ("killed", CYCLES + 1)
    assert commands(mixed, "kill")[0]["arguments"] == {"ids": [victim, other]}
    status = mixed.status()
    assert status["deaths"]["killed"] == 2
    assert status["tainted"] is None
    assert status["life_cycle"] == running.pid
    assert "killed" in mixed.evolve("show", victim).out
    mixed.evolve("stop")
    _, err = running.communicate()
    assert "kill: killed 2" in err
    mixed.live(1)
    assert mixed.status()["tainted"] is None
    seqs = [event["seq"] for event in mixed.events()]
    assert seqs == mixed.recorded()


def test_killed_without_a_life_cycle_is_dead_too(mixed: ProjectUnderTest) -> None:
    victim = of_state(mixed, "quarantined")[0]
    assert mixed.evolve("kill", victim).out == "kill: killed 1\n"
    assert not mixed.folder(victim).exists()
    assert mixed.events("death", victim)[0]["cause"] == "killed"
    assert victim in of_state(mixed, "dead")
    for words in (("kill", victim), ("revive", victim)):
        done = mixed.evolve(*words, code=2)
        assert "died in cycle 2 (killed)" in done.err
        assert f"evolve show {victim[:13]}" in done.err
    done = mixed.evolve("logs", victim, code=1)
    assert "its log went with its folder" in done.err
    mixed.live(1)
    assert mixed.status()["tainted"] is None
    assert mixed.status()["population"]["born"] == 1, "its place is free for a child"


def test_killed_agent_that_a_killed_life_cycle_left_behind_is_ended(
    mixed: ProjectUnderTest,
) -> None:
    running = asleep(mixed)
    victim = of_state(mixed, "running")[0]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert agent_process(mixed, victim)
    mixed.evolve("kill", victim)
    assert not agent_process(mixed, victim)
    assert victim in of_state(mixed, "dead")
    mixed.live(1)  # the others are ended


def test_killed_agent_that_a_killed_life_cycle_left_behind_is_known_by_its_keeper(
    mixed: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = asleep(mixed)
    victim, other = of_state(mixed, "running")[:2]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    monkeypatch.setattr(commands_module, "leftovers", lambda folder: iter(()))
    runs.operate(mixed.root, (), assemble, "kill", [victim])
    assert not agent_process(mixed, victim)
    assert agent_process(mixed, other)
    mixed.live(1)  # the others are ended


def test_agent_that_ignores_stop_is_killed_and_one_that_crashed_unseen_harms_nobody(
    mixed: ProjectUnderTest,
) -> None:
    running = asleep(mixed)
    deaf, crashed = of_state(mixed, "running")[:2]
    agent_process(mixed, deaf)[0].suspend()
    agent_process(mixed, crashed)[0].kill()
    mixed.evolve("kill", deaf, crashed)
    assert outcome(mixed, "kill") == "killed 2"
    assert not agent_process(mixed, deaf)
    mixed.evolve("stop")
    assert running.wait(30) == 0
    mixed.live(1)


def test_everybody_can_be_killed(mixed: ProjectUnderTest) -> None:
    mixed.evolve("kill", *(row["id"] for row in mixed.agents()))
    assert mixed.status()["population"]["alive"] == 0
    assert "no agent is alive" in mixed.live(1, code=1).err


def test_command_that_makes_no_sense_is_refused_and_told(mixed: ProjectUnderTest) -> None:
    inbox = mixed.root / "workspace" / "inbox"
    inbox.mkdir(exist_ok=True)
    wrong = ('{"ids": 7}', '{"ids": [7]}', "{}", '{"ids": []}', '{"ids": ["../.."]}')
    for number, arguments in enumerate(wrong):
        for name in ("kill", "revive"):
            body = f'{{"command": "{name}", "arguments": {arguments}}}'
            (inbox / f"{number + 1}-{name}.json").write_text(body)
    alive = mixed.status()["population"]["alive"]
    mixed.evolve("pause")
    outcomes = [event["outcome"] for event in mixed.events("command") if "outcome" in event]
    assert len(outcomes) == 2 * len(wrong) + 1
    assert all(told.startswith("refused") for told in outcomes[:-1])
    assert mixed.status()["population"]["alive"] == alive
    assert not list(inbox.iterdir())


# revive


def test_revived_agent_is_tried_again_and_quarantined_again_if_nothing_changed(
    mixed: ProjectUnderTest,
) -> None:
    mixed.live(1)  # a copied folder is one that has changed
    ill = of_state(mixed, "quarantined")
    quarantines = len(mixed.events("quarantine", ill[0]))
    assert mixed.evolve("revive", ill[0]).out == "revive: revived 1\n"
    row = next(row for row in mixed.agents() if row["id"] == ill[0])
    assert (row["state"], row["cause"]) == ("embryo", None)
    told = mixed.events("revival", ill[0])[0]
    assert (told["cause"], "typo.rs" in told["reason"]) == ("build", True)
    builds = mixed.status()["builds"]["failed"]
    mixed.live(1)
    assert of_state(mixed, "quarantined") == ill
    assert mixed.status()["builds"]["failed"] == builds + 1, "of one agent"
    assert len(mixed.events("quarantine", ill[0])) == quarantines + 1
    assert mixed.status()["tainted"] is None


def test_agent_set_aside_for_its_crashes_lives_again(mixed: ProjectUnderTest) -> None:
    running = asleep(mixed, "--cycles", "2")
    victim = of_state(mixed, "running")[0]
    stranger = mixed.folder(victim) / "stranger.txt"
    stranger.write_text("no")
    mixed.evolve("stop")
    assert running.wait(30) == 0
    mixed.live(1)
    assert victim in of_state(mixed, "quarantined")
    mixed.evolve("revive", "--all")
    assert not of_state(mixed, "quarantined")
    assert victim in of_state(mixed, "embryo")
    mixed.live(1)
    assert victim in of_state(mixed, "quarantined"), "the file still lies there"
    stranger.unlink()
    mixed.evolve("revive", victim)
    running = asleep(mixed)
    assert victim in of_state(mixed, "running")
    mixed.evolve("stop")


def test_only_the_quarantined_are_revived(mixed: ProjectUnderTest) -> None:
    well = of_state(mixed, "waiting")[0]
    done = mixed.evolve("revive", well, code=2)
    assert "is waiting, not quarantined" in done.err
    assert "no agent's id begins" in mixed.evolve("revive", "zzz", code=2).err
    running = asleep(mixed)
    ill = of_state(mixed, "quarantined")
    assert "all quarantined agents" in mixed.evolve("revive", "--all").out
    assert outcome(mixed, "revive") == f"revived {len(ill)}"
    assert of_state(mixed, "embryo") == ill
    assert commands(mixed, "revive")[0]["arguments"] == {"all": True}
    mixed.evolve("stop")
    assert running.wait(30) == 0
    mixed.evolve("kill", *ill)
    assert mixed.evolve("revive", "--all").out == "revive: revived 0\n"


# pause and resume


def test_paused_life_cycle_stands_still_and_its_agents_live_on(mixed: ProjectUnderTest) -> None:
    mixed.set(orphan_seconds=2)
    running = mixed.start("life-cycle")
    wait_until(lambda: len(mixed.events("cycle")) > CYCLES, "a cycle")
    assert "will pause" in mixed.evolve("pause").out
    since = outcome(mixed, "pause")
    before = mixed.status()
    assert since == f"paused after cycle {before['cycle']}"
    assert before["paused"]
    assert "evolve resume" in mixed.evolve("status").out
    known = of_state(mixed, "running")
    pids = {agent: agent_process(mixed, agent)[0].pid for agent in known}
    time.sleep(3)
    after = mixed.status()
    assert (after["cycle"], after["tick"]) == (before["cycle"], before["tick"])
    assert {agent: agent_process(mixed, agent)[0].pid for agent in known} == pids
    mixed.evolve("pause")
    wait_until(lambda: len(commands(mixed, "pause")) == 2, "a second pause")
    assert outcome(mixed, "pause").endswith("already")
    mixed.evolve("resume")
    assert outcome(mixed, "resume") == "time goes on"
    wait_until(lambda: mixed.status()["cycle"] > before["cycle"], "another cycle")
    assert not mixed.status()["paused"]
    mixed.evolve("stop")
    _, err = running.communicate()
    assert "pause: paused after cycle" in err
    assert mixed.status()["tainted"] is None
    assert {event["cause"] for event in mixed.events("exit")} == {"planned"}


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_pause_outlasts_its_life_cycle_and_stop_ends_a_paused_one(
    mixed: ProjectUnderTest, mode: str
) -> None:
    assert mixed.evolve("pause").out == "pause: paused after cycle 2\n"
    begun = time.monotonic()
    done = mixed.evolve("life-cycle", "--for", "2s", "--set", f"mode={mode}")
    assert time.monotonic() - begun > 2
    assert done.out == ""
    assert "evolve resume" in done.err
    running = mixed.start("life-cycle", "--set", f"mode={mode}")
    wait_until(lambda: mixed.status()["life_cycle"], "a life-cycle")
    begun = time.monotonic()
    mixed.evolve("stop")
    assert running.wait(30) == 0
    assert time.monotonic() - begun < 10
    status = mixed.status()
    assert (status["cycle"], status["paused"], status["mode"]) == (CYCLES, True, "lockstep")
    assert mixed.evolve("resume").out == "resume: time goes on\n"
    assert mixed.evolve("resume").out == "resume: was not paused\n"
    mixed.live(1)
    assert mixed.status()["tainted"] is None


def test_cycles_are_counted_after_a_pause(mixed: ProjectUnderTest) -> None:
    mixed.evolve("pause")
    running = mixed.start("life-cycle", "--cycles", "2")
    wait_until(lambda: mixed.status()["life_cycle"], "a life-cycle")
    mixed.evolve("init", 1)
    assert outcome(mixed, "init") == "founded 1"
    mixed.evolve("resume")
    assert running.wait(60) == 0
    assert mixed.status()["cycle"] == CYCLES + 2


def test_pause_that_an_ended_life_cycle_did_not_see_comes_before_a_resume(
    mixed: ProjectUnderTest,
) -> None:
    inbox = mixed.root / "workspace" / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "1-left.json").write_text('{"command": "pause", "arguments": {}}')
    told = mixed.evolve("resume").out.splitlines()
    assert told == ["pause: paused after cycle 2", "resume: time goes on"]


def test_commands_wait_for_nobody_else(mixed: ProjectUnderTest) -> None:
    """What holds the project and is no life-cycle would not look into the inbox."""
    from evolve_ai.system.lock import Lock

    with Lock(mixed.root / "workspace", "exam"):
        for words in (("pause",), ("kill", of_state(mixed, "waiting")[0])):
            assert "exam" in mixed.evolve(*words, code=75).err
    assert not list((mixed.root / "workspace").glob("inbox/*"))


def test_commands_between_the_same_cycles_lead_to_the_same_history(
    mixed_project: Path, copy_of: Callable[..., ProjectUnderTest]
) -> None:
    """Through the inbox of a life-cycle, or without one: that is why they do not taint."""
    beside, within = copy_of(mixed_project, "beside"), copy_of(mixed_project, "within")
    victim, ill = of_state(beside, "waiting")[0], of_state(beside, "quarantined")[0]
    beside.evolve("kill", victim)
    beside.evolve("revive", ill)
    beside.live(3)
    within.evolve("pause")
    running = within.start("life-cycle", "--cycles", "3")
    wait_until(lambda: within.status()["life_cycle"], "a life-cycle")
    for words in (("kill", victim), ("revive", ill), ("resume",)):
        within.evolve(*words)
    assert running.wait(60) == 0
    assert within.status()["cycle"] == beside.status()["cycle"]
    assert within.digest() == beside.digest()
    assert beside.status()["tainted"] is None
    assert within.status()["tainted"] is None


# logs


def test_log_shows_what_a_terminal_would_obey_as_text(calm: ProjectUnderTest) -> None:
    agent = calm.agents()[0]["id"]
    log = calm.folder(agent) / "agent.log"
    log.write_bytes(b"".join(b"line %d\n" % n for n in range(200)) + b"\x1b]0;x\x07\x9b\xffred\n")
    shown = calm.evolve("logs", agent[:13]).out.splitlines()
    assert len(shown) == 50
    assert shown[-2:] == ["line 199", r"\x1b]0;x\x07��red"]
    assert calm.evolve("logs", agent, "--lines", "1").out == "\\x1b]0;x\\x07��red\n"
    log.unlink()
    log.symlink_to("/etc/passwd")
    done = calm.evolve("logs", agent, code=1)
    assert "link" in done.err
    assert "root" not in done.out
    log.unlink()
    done = calm.evolve("logs", agent, code=1)
    assert "has no log yet" in done.err


def test_followed_log_survives_a_cut_and_ends_with_its_agent(calm: ProjectUnderTest) -> None:
    agent = calm.agents()[0]["id"]
    log = calm.folder(agent) / "agent.log"
    log.write_text("".join(f"line {n:06}\n" for n in range(1000)))
    following = calm.start("logs", agent, "--follow", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline() == "line 000999\n"
    with log.open("a") as written:
        written.write("line 001000\n")
        written.flush()
        assert following.stdout.readline() == "line 001000\n"
        assert trim(calm.folder(agent), 4096)
        written.write("line 001001\n")
        written.flush()
        assert following.stdout.readline() == "line 001001\n"
        written.write("last words\n")
    calm.evolve("kill", agent)
    out, err = following.communicate(timeout=20)
    assert out == "last words\n"
    assert "evolve show" in err
    assert following.returncode == 0


def test_ctrl_c_ends_following_quietly(calm: ProjectUnderTest) -> None:
    agent = calm.agents()[0]["id"]
    (calm.folder(agent) / "agent.log").write_text("a line\n")
    following = calm.start("logs", agent, "-f")
    assert following.stdout is not None
    assert following.stdout.readline() == "a line\n"
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=20)
    assert (following.returncode, out, err) == (0, "", "")
