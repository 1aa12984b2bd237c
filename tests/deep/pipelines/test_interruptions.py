"""Killed, signalled, started twice: nothing is lost, nothing is doubled, nobody is left running."""

import os
import pty
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from commands import EVOLVE
from project_support import NO_CARGO, ProjectUnderTest, wait_until

FOUNDERS = 120
ASLEEP = ("--set", "cycle.sleep=600")


@pytest.fixture
def project(project: ProjectUnderTest) -> ProjectUnderTest:
    """With as many workers as users have."""
    project.set(workers=0)
    return project


def recorded_agents(project: ProjectUnderTest) -> list[str]:
    """Ids in the registry; none while its file or its tables are not there yet."""
    path = project.root / "workspace" / "registry.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'agents'").fetchone():
            return []
        return [row[0] for row in connection.execute("SELECT id FROM agents")]


def count_recorded(project: ProjectUnderTest) -> int:
    return len(recorded_agents(project))


def folders(project: ProjectUnderTest) -> list[Path]:
    return list((project.root / "agents").glob("*")) if (project.root / "agents").exists() else []


def events_are_whole(project: ProjectUnderTest) -> None:
    """The log has every event of the registry, once, in order."""
    seqs = [event["seq"] for event in project.events()]
    assert seqs == sorted(set(seqs))
    assert seqs == project.recorded()


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


# When to kill an init: what is new of names below agents/, and how many more are recorded.
MOMENTS: dict[str, Callable[[set[str], int], bool]] = {
    "a folder under another name": lambda names, recorded: any(name[0] == "." for name in names),
    "a folder": lambda names, recorded: any(name[0] != "." for name in names),
    "a record": lambda names, recorded: recorded > 0,
    "many records": lambda names, recorded: recorded >= FOUNDERS // 4,
}


def names_of(project: ProjectUnderTest) -> set[str]:
    agents = project.root / "agents"
    return {path.name for path in agents.iterdir()} if agents.exists() else set()


def since_now(
    project: ProjectUnderTest, moment: Callable[[set[str], int], bool]
) -> Callable[[], bool]:
    names, known = names_of(project), count_recorded(project)
    return lambda: moment(names_of(project) - names, count_recorded(project) - known)


def init_killed(project: ProjectUnderTest, count: int, met: Callable[[], bool]) -> bool:
    """Kill an init as soon as this is met, and look at what it leaves; was it still at work?"""
    running = project.start("init", count, "--set", "cycle.chunk=4")
    wait_until(lambda: met() or running.poll() is not None, "the moment to kill", every=0.002)
    kill(running)
    wait_until(lambda: not project.processes(), "the end of the workers")
    known = recorded_agents(project)
    for agent in known:
        assert (project.folder(agent) / "genome.bin").is_file()
        assert (project.folder(agent) / "src" / "main.rs").is_file()
    return running.returncode == -signal.SIGKILL and len(known) < count


def killed_at_all_moments(project: ProjectUnderTest, count: int) -> bool:
    """One init after another; False when one of them was over before its kill."""
    registry = project.root / "workspace" / "registry.sqlite"
    if not init_killed(project, count, registry.exists):
        return False
    return all(init_killed(project, count, since_now(project, one)) for one in MOMENTS.values())


def test_killed_init_leaves_no_half_agent_and_goes_on_to_the_number_asked_for(
    copy_of: Callable[..., ProjectUnderTest], empty_project: Path
) -> None:
    for count in (FOUNDERS, 4 * FOUNDERS, 16 * FOUNDERS):  # should a kill come too late
        project = copy_of(empty_project, f"of-{count}")
        if killed_at_all_moments(project, count):
            break
    done = project.evolve("init", count)
    assert "interrupted" in done.out
    assert project.status()["population"]["alive"] == count
    names = {folder.name for folder in folders(project)}
    assert names == {row["id"] for row in project.agents()}
    assert len(project.events("founding")) == count
    events_are_whole(project)
    project.evolve("init", 2)
    assert project.status()["population"]["founders"] == count + 2


def test_killed_life_cycle_is_taken_over_with_all_its_agents(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", *ASLEEP)
    cycles = len(calm.events("cycle"))
    wait_until(lambda: len(calm.events("cycle")) > cycles, "a cycle")
    before = calm.agent_pids()
    assert len(before) == len(calm.agents())
    kill(running)
    assert calm.status()["life_cycle"] is None
    assert calm.agent_pids() == before, "agents outlive a killed orchestrator"
    running = calm.start("life-cycle", *ASLEEP)
    wait_until(lambda: len(calm.events("cycle")) > cycles + 1, "a cycle of the next one")
    assert calm.agent_pids() == before, "nobody was started anew"
    calm.evolve("stop")
    assert running.wait(30) == 0
    assert not calm.processes(), "the keeper goes, too"
    assert calm.status()["tainted"] is None
    exits = calm.events("exit")[-len(before) :]
    assert {event["pid"] for event in exits} == set(before.values())
    assert {event["cause"] for event in exits} == {"planned"}
    events_are_whole(calm)


def test_folders_of_the_dead_that_a_kill_left_go_in_the_next_run(project: ProjectUnderTest) -> None:
    lottery = ("--set", "economy.turnover_floor=0.3")
    running = project.start("life-cycle", *lottery, *ASLEEP)
    [death, *_] = wait_until(lambda: project.events("death"), "a death")
    kill(running)
    left = project.folder(death["agent"])
    (left / "src").mkdir(parents=True, exist_ok=True)
    aside = project.root / "agents" / ".removed" / "another"
    aside.mkdir(parents=True)
    project.live(1, *lottery)
    assert {folder.name for folder in folders(project)} == {row["id"] for row in project.agents()}
    project.evolve("verify")


def season_begun(project: ProjectUnderTest) -> bool:
    """Some ticks of a cycle were lived, and are not on record."""
    order_log = project.root / "workspace" / "colony" / "order_log"
    return order_log.exists() and order_log.stat().st_size > 4000


MOMENTS_OF_LIFE: dict[str, Callable[[ProjectUnderTest], object]] = {
    "keeper": lambda project: project.keepers(),
    "agents": lambda project: project.agent_pids(),
    "season": season_begun,
    "cycle": lambda project: len(project.events("cycle")) >= 2,
    "season again": season_begun,
}


@pytest.mark.parametrize("keeper", [False, True], ids=["life-cycle", "life-cycle and keeper"])
def test_history_goes_on_from_a_kill_as_if_nothing_had_been(
    project: ProjectUnderTest,
    copy_of: Callable[..., ProjectUnderTest],
    founded_project: Path,
    keeper: bool,
) -> None:
    long = ("--set", "cycle.ticks=150")
    for name, moment in MOMENTS_OF_LIFE.items():
        running = project.start("life-cycle", *long)
        wait_until(partial(moment, project), name)
        for one in project.keepers() if keeper else ():
            one.kill()
        kill(running)
    project.live(2, *long)
    assert project.status()["tainted"] is None
    events_are_whole(project)
    undisturbed = copy_of(founded_project, "undisturbed")
    undisturbed.live(max(project.chain()), *long)
    assert project.chain() == undisturbed.chain()
    memories = [
        {event["agent"]: event["remembers"] for event in one.events() if "remembers" in event}
        for one in (project, undisturbed)
    ]
    assert memories[0] == memories[1]


ELSEWHERE = ("--set", "environment=solitary")


def test_season_that_was_interrupted_is_not_finished_in_another_world(
    project: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], founded_project: Path
) -> None:
    long = ("--set", "cycle.ticks=150")
    running = project.start("life-cycle", *long)
    wait_until(partial(season_begun, project), "a season")
    kill(running)
    before = project.agent_pids()
    recorded = project.recorded()
    refused = project.evolve("life-cycle", "--cycles", 1, *ELSEWHERE, code=2)
    assert "environment is 'solitary' now" in refused.err
    assert f"{project.root / 'evolve.toml'}" in refused.err
    assert 'put back [environment] name = "series"' in refused.err
    assert "--abandon-season" in refused.err
    assert project.agent_pids() == before, "nothing was done"
    assert project.recorded() == recorded
    project.live(1, *long)
    project.live(1, *long, *ELSEWHERE)
    assert project.status()["tainted"] is None
    undisturbed = copy_of(founded_project, "undisturbed")
    undisturbed.live(1, *long)
    undisturbed.live(1, *long, *ELSEWHERE)
    assert project.chain() == undisturbed.chain()


def test_stop_finishes_a_season_in_the_world_that_it_began_in(project: ProjectUnderTest) -> None:
    long = ("--set", "cycle.ticks=150")
    running = project.start("life-cycle", *long)
    wait_until(partial(season_begun, project), "a season")
    kill(running)
    done = project.evolve("stop", *long, *ELSEWHERE)
    assert "stopped" in done.out
    assert not project.processes()
    assert project.status()["tainted"] is None
    assert project.status()["cycle"] == 1


def test_season_whose_agents_are_all_gone_begins_anew_in_the_world_of_the_settings(
    project: ProjectUnderTest,
) -> None:
    running = project.start("life-cycle", "--set", "cycle.ticks=150")
    wait_until(partial(season_begun, project), "a season")
    kill(running)
    for process in project.processes():
        process.kill()
    wait_until(lambda: not project.processes(), "the end of all")
    project.live(1, *ELSEWHERE)
    assert "ended from outside" in project.status()["tainted"]
    assert project.status()["cycle"] == 1


def test_life_cycle_killed_before_anybody_lived_leaves_history_untainted(
    project: ProjectUnderTest,
) -> None:
    project.evolve("life-cycle", "--cycles", 1, env=NO_CARGO, code=4)
    assert project.status()["tainted"] is None
    assert project.status()["cycle"] == 0
    project.live(1)
    assert project.status()["tainted"] is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, "once more to end now"),
        (signal.SIGHUP, "the terminal was closed: ending after this cycle"),
    ],
)
def test_one_signal_ends_gracefully(
    project: ProjectUnderTest, number: signal.Signals, words: str
) -> None:
    running = project.start("life-cycle")
    wait_until(lambda: project.events("cycle"), "a cycle")
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert words in err
    assert not project.processes()
    found = project.status()
    assert found["tainted"] is None
    assert found["population"]["running"] == 0
    events_are_whole(project)


def test_signal_at_any_moment_leaves_nobody_running(project: ProjectUnderTest) -> None:
    project.live(1)
    for delay in (0.3, 0.6, 0.9, 1.2):
        running = project.start("life-cycle")
        time.sleep(delay)
        running.send_signal(signal.SIGTERM)
        running.communicate()
        assert not project.processes()
    assert project.status()["tainted"] is None


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.3, 0.45])
def test_signal_before_anything_has_begun_ends_without_a_word_of_python(
    project: ProjectUnderTest, delay: float
) -> None:
    for times in (1, 2, 4, 8):
        running = project.start("life-cycle")
        time.sleep(delay * times)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
        assert not project.processes()
        if "Traceback" not in err or "evolve_ai/cli" in err:
            break  # else Python itself had not come up yet: later, then
    assert "Traceback" not in err


def test_second_signal_ends_at_once(project: ProjectUnderTest) -> None:
    running = project.start("life-cycle", "--set", "cycle.ticks=100000")
    wait_until(project.agent_pids, "agents")
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = running.communicate()
    assert time.monotonic() - begun < 10
    assert running.returncode == 1
    assert "ended at once" in err
    assert "Traceback" not in err
    assert not project.processes()


def test_ctrl_c_on_a_terminal_ends_gracefully_and_draws_cleanly(project: ProjectUnderTest) -> None:
    """The terminal sends SIGINT to everybody in the foreground: workers and compilers too."""
    ours, theirs = pty.openpty()
    argv = [*EVOLVE, "life-cycle", "--project", str(project.root)]
    running = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: _take_terminal(theirs),
    )  # fmt: skip
    os.close(theirs)
    seen = bytearray()
    asked = False
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        if not asked and b"cycle    2" in seen:
            os.write(ours, b"\x03")
            asked = True
    os.close(ours)
    assert running.wait(60) == 0
    text = seen.decode()
    assert "ending after this cycle" in text
    assert "Traceback" not in text
    assert not project.processes()
    assert project.status()["tainted"] is None


def _take_terminal(handle: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(handle, termios.TIOCSCTTY, 0)


def test_runs_of_one_cycle_each_continue(project: ProjectUnderTest) -> None:
    """As from cron: no terminal, a sleep that is not waited for after the last cycle."""
    for cycle in (1, 2):
        begun = time.monotonic()
        done = project.live(1, "--set", "cycle.sleep=60")
        assert time.monotonic() - begun < 60
        assert done.out.startswith(f"cycle    {cycle}")
        assert len(done.out.splitlines()) == 1
        assert "\x1b" not in done.out + done.err
    assert project.status()["cycle"] == 2


def test_reader_who_goes_away_ends_a_life_cycle_gracefully(project: ProjectUnderTest) -> None:
    running = project.start("life-cycle")
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(60) == 0
    assert not project.processes()
    assert project.status()["tainted"] is None


def test_second_life_cycle_is_refused_and_init_goes_through_the_inbox(
    project: ProjectUnderTest,
) -> None:
    running = project.start("life-cycle", "--set", "cycle.sleep=0.5")
    wait_until(lambda: project.events("cycle"), "a cycle")
    refused = project.live(1, code=75)
    assert str(running.pid) in refused.err
    assert "evolve stop" in refused.err
    project.evolve("exam", code=75)
    assert project.status()["life_cycle"] == running.pid
    handed = project.evolve("init", 3)
    assert f"pid {running.pid}" in handed.out
    assert "3 agents" in handed.out
    project.evolve("init", 10**9, code=2)

    def carried_out() -> list[dict[str, object]]:
        return [event for event in project.events("command") if event["command"] == "init"]

    told = wait_until(carried_out, "the command in the events")
    assert told[0]["outcome"] == "founded 3"
    stopped = project.evolve("stop")
    assert f"was pid {running.pid}" in stopped.out
    assert running.wait(30) == 0
    founders = [event for event in project.events("founding") if event["cycle"] > 0]
    assert len(founders) == 3
    assert project.status()["population"]["founders"] == 11
    assert "no life-cycle" in project.evolve("stop").out
    events_are_whole(project)


def test_init_while_another_init_runs_is_refused(unfounded: ProjectUnderTest) -> None:
    running = unfounded.start("init", 400, "--set", "cycle.chunk=4")
    wait_until(lambda: count_recorded(unfounded), "founders")
    refused = unfounded.evolve("init", 3, code=75)
    assert "init" in refused.err
    assert "no life-cycle" in unfounded.evolve("stop").out
    running.communicate()
    assert running.returncode == 0
    assert unfounded.status()["population"]["alive"] == 400


def test_unreadable_command_in_the_inbox_is_told_and_removed(project: ProjectUnderTest) -> None:
    inbox = project.root / "workspace" / "inbox"
    inbox.mkdir()
    (inbox / "1-broken.json").write_text("{")
    (inbox / "2-strange.json").write_text('{"command": "fly", "arguments": {}}')
    (inbox / "3-absurd.json").write_text('{"command": "init", "arguments": {"count": -5}}')
    (inbox / "x-y.json").write_text("[]")
    project.live(1)
    outcomes = [event["outcome"] for event in project.events("command") if "outcome" in event]
    assert len(outcomes) == 4
    assert all(outcome.startswith(("refused", "failed")) for outcome in outcomes)
    assert not list(inbox.iterdir())
