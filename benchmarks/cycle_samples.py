"""Runs a life-cycle and samples, from outside, what its cycles take."""

import json
import os
import signal
import subprocess
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from outside import descendants, wait_for, words, working_below
from projects import EVOLVE, pss

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAUSE = 0.01  # seconds between two samples of the life-cycle's CPU
_REST = "cycle.sleep=3600"
_REST_SECONDS = 600.0


@dataclass(frozen=True)
class MeasuredCycle:
    """Seconds from commit to commit and by stage; CPU seconds that life-cycle and colonies used
    during the season, and how many percepts were answered in it."""

    seconds: float
    stages: dict[str, float]
    season_cpu: float
    exchanges: int


@dataclass(frozen=True)
class Lived:
    """`cpu` is that of all measured cycles, by kind of process; `memory` is the proportional set
    size of all processes but the agents, after the last one."""

    cycles: list[MeasuredCycle]
    first_cycle: float
    cpu: dict[str, float]
    memory: int
    processes: dict[str, int]


def live(project: Path, warm_up: int, cycles: int, more: Sequence[str]) -> Lived:
    """Live `warm_up` cycles, then `cycles` that are measured."""
    argv = [*EVOLVE, "life-cycle", "--cycles", str(warm_up + cycles), *more]
    begun, first = time.time(), 0.0
    with subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, text=True) as process:
        lines = (line for line in process.stdout or () if line.startswith("cycle"))
        sampler, before = Sampler(process.pid), {}
        for number, _ in enumerate(lines, 1):
            if number == 1:
                first = time.time() - begun
                sampler.start()
            if number == warm_up:
                before = cpu_by_kind(process.pid)
            if number == warm_up + cycles:
                after, memory = cpu_by_kind(process.pid), sum(map(pss, own(process.pid)))
                processes = counted(process.pid)
        sampler.stop()
    cpu = {kind: used - before.get(kind, 0.0) for kind, used in after.items()}
    return Lived(_measured(project, sampler, cycles), first, cpu, memory, processes)


def _measured(project: Path, sampler: "Sampler", cycles: int) -> list[MeasuredCycle]:
    events = [
        event
        for event in map(json.loads, (project / "logs" / "events.jsonl").open())
        if event["event"] == "cycle"
    ][-cycles - 1 :]
    found = []
    for before, event in pairwise(events):
        committed = datetime.fromisoformat(event["ts"]).timestamp()
        stages = event["seconds"]
        ended = committed - stages["succeed"] - stages["select"]
        used = sampler.at(ended) - sampler.at(ended - stages["observe"])
        seconds = committed - datetime.fromisoformat(before["ts"]).timestamp()
        asked = before["alive"] - before["quarantined"]  # all that lived then run in this season
        exchanges = (event["tick"] - before["tick"]) * asked
        found.append(MeasuredCycle(seconds, stages, used, exchanges))
    return found


class Sampler:
    """CPU seconds of the life-cycle and its colonies over time, sampled by a thread."""

    def __init__(self, pid: int):
        self._pid = pid
        self._times: list[float] = []
        self._used: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def at(self, moment: float) -> float:
        """CPU seconds used until then; between two samples, in proportion."""
        right = min(max(bisect_right(self._times, moment), 1), len(self._times) - 1)
        left = right - 1
        step = self._times[right] - self._times[left]
        share = (moment - self._times[left]) / step if step else 0.0
        return self._used[left] + share * (self._used[right] - self._used[left])

    def _work(self) -> None:
        kinds = {pid: kind_of(pid, self._pid) for pid in descendants(self._pid)}
        pids = [pid for pid, kind in kinds.items() if kind in ("life-cycle", "colonies")]
        while not self._stopped.wait(_PAUSE):
            self._used.append(sum(map(_on_cpu, pids)))
            self._times.append(time.time())


def _on_cpu(pid: int) -> float:
    """Seconds on a processor (sched(7), /proc/<pid>/schedstat), of all threads."""
    total = 0.0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def kind_of(pid: int, life_cycle: int) -> str:
    """Which part of a life-cycle a process is."""
    argv = words(pid)
    if argv and argv[0].startswith(b"agent-"):
        return "agents"
    if argv and argv[0].rpartition(b"/")[2] == b"evolve-keeper":
        return "keepers"
    if pid == life_cycle:
        return "life-cycle"
    with suppress(OSError):
        if _holds_an_order_log(pid):
            return "colonies"
    return "workers"


def _holds_an_order_log(pid: int) -> bool:
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if handle.readlink().name == "order_log":
                return True
    return False


def own(life_cycle: int) -> list[int]:
    """The processes of a life-cycle and their keepers: all but the agents."""
    project = Path(f"/proc/{life_cycle}/cwd").readlink()
    found = {*descendants(life_cycle), *working_below(project)}
    return [pid for pid in found if kind_of(pid, life_cycle) != "agents"]


def cpu_by_kind(life_cycle: int) -> dict[str, float]:
    """CPU seconds so far. Agents that have ended are counted where they are reaped."""
    project = Path(f"/proc/{life_cycle}/cwd").readlink()
    found: dict[str, float] = {}
    for pid in {*descendants(life_cycle), *working_below(project)}:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text()
            used = [int(one) / _CLOCK_TICKS for one in text[text.rindex(")") + 2 :].split()[11:15]]
            kind = kind_of(pid, life_cycle)
            found[kind] = found.get(kind, 0.0) + used[0] + used[1]
            children = "agents" if kind == "keepers" else kind
            found[children] = found.get(children, 0.0) + used[2] + used[3]
    return found


def counted(life_cycle: int) -> dict[str, int]:
    kinds = [kind_of(pid, life_cycle) for pid in own(life_cycle)]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


@contextmanager
def rest_after_a_cycle(project: Path, more: Sequence[str]) -> Iterator[dict[str, int]]:
    """The living agents (pid by id) of a life-cycle that has lived a cycle, slept, and was killed.
    They and their keepers are ended afterwards."""
    argv = [*EVOLVE, "life-cycle", *more, "--set", _REST]
    try:
        with subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, text=True) as process:
            next(line for line in process.stdout or () if line.startswith("cycle"))
            wait_for(lambda: _sleeps(process.pid), _REST_SECONDS)
            process.kill()
        yield {
            words(pid)[0].removeprefix(b"agent-").decode(): pid
            for pid in working_below(project)
            if words(pid)[:1] and words(pid)[0].startswith(b"agent-")
        }
    finally:
        wait_for(lambda: not _killed_below(project), _REST_SECONDS)


def _sleeps(pid: int) -> bool:
    """Whether it used next to no CPU within half a second."""
    before = _on_cpu(pid)
    time.sleep(0.5)
    return _on_cpu(pid) - before < 0.1


def _killed_below(project: Path) -> set[int]:
    found = working_below(project)
    for pid in found:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return found
