"""The observer of the other tests is itself tested: sleeping programs stand in for agents."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from observer import Observer
from project_support import wait_until

Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts a process that looks like this agent, in its folder or another one."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(agent: str, folder: str = "agents", name: str = "agent-") -> subprocess.Popen[bytes]:
        home = tmp_path / folder / agent
        home.mkdir(parents=True, exist_ok=True)
        argv = [f"{name}{agent}", "300"]
        begun.append(subprocess.Popen(argv, executable="/bin/sleep", cwd=home))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    (tmp_path / "agents").mkdir()
    with Observer(tmp_path / "agents", tmp_path / "lines.jsonl") as observer:
        yield observer


def see(observer: Observer, what: str, count: int = 1) -> None:
    wait_until(lambda: len(observer.seen(what)) >= count, what, 10)


def test_agent_is_seen_to_begin_and_to_end(observer: Observer, begin: Begin) -> None:
    process = begin("one")
    see(observer, "began")
    process.kill()
    process.wait()
    see(observer, "ended")
    assert [line["agent"] for line in observer.seen("began")] == ["one"]
    assert observer.seen("ended")[0]["processes"] == observer.seen("began")[0]["processes"]
    assert observer.seen("began")[0]["processes"][0][0] == process.pid


def test_two_processes_of_one_agent_are_a_violation(observer: Observer, begin: Begin) -> None:
    pids = [begin("one").pid, begin("one").pid]
    see(observer, "violation")
    begin("another")
    see(observer, "began", 3)
    summary = observer.close()
    assert summary["violations"] == 1
    found = observer.seen("violation")[0]
    assert found["agent"] == "one"
    assert sorted(pid for pid, _ in found["processes"]) == sorted(pids)


def test_one_process_after_another_is_no_violation(observer: Observer, begin: Begin) -> None:
    for number in range(20):
        process = begin("one")
        see(observer, "began", number + 1)
        process.kill()
        process.wait()
    assert observer.close()["violations"] == 0


def test_zombie_is_not_alive(observer: Observer, begin: Begin) -> None:
    process = begin("one")
    see(observer, "began")
    process.kill()
    see(observer, "ended")
    begin("one")
    see(observer, "began", 2)
    summary = observer.close()
    assert process.poll() is not None
    assert (summary["violations"], summary["alive"]) == (0, ["one"])


def test_strangers_are_no_agents(observer: Observer, begin: Begin) -> None:
    begin("one", folder="elsewhere")
    begin("two", name="sleeper-")
    begin("three")
    see(observer, "began")
    summary = observer.close()
    assert [line["agent"] for line in observer.seen("began")] == ["three"]
    assert summary["alive"] == ["three"]


def test_agent_of_a_removed_folder_is_still_an_agent(
    observer: Observer, begin: Begin, tmp_path: Path
) -> None:
    begin("one")
    (tmp_path / "agents" / "one").rmdir()
    begin("one")
    see(observer, "began", 2)
    assert observer.close()["violations"] == 1


def test_least_and_most_are_told(observer: Observer, begin: Begin) -> None:
    for number in range(5):
        begin(f"a{number}")
    see(observer, "began", 5)
    summary = observer.close()
    assert (summary["least"], summary["most"]) == (0, 5)
    assert summary["looks"] > 1


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    lines = tmp_path / "lines.jsonl"
    script = (
        "import os, pathlib, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from observer import Observer\n"
        f"Observer(pathlib.Path({str(tmp_path / 'agents')!r}), pathlib.Path({str(lines)!r}))\n"
        "os._exit(1)\n"
    )
    subprocess.run(["python3", "-c", script], timeout=30, check=False)
    wait_until(lambda: "summary" in lines.read_text(), "its end", 10)
