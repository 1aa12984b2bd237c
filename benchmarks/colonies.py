"""Owns a colony that is measured: the one place where benchmarks touch our supervisor.

Run as a program it holds the agents and takes a command a line on its standard input:

    python benchmarks/colonies.py FOLDER CHILD KEEPER MARK FIRST COUNT EPOCH
"""

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from outside import descendants, words, working_below

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Start, Started
from evolve_ai.model.frame import PerceptEncoder
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import AgentBox
from evolve_ai.model.world import Percept

WARM_UP = 3  # ticks
KEEPER = b"evolve-keeper"


def no_world(places: int, founder_genes: float) -> NoReturn:
    raise AssertionError("no season is lived here")


AGENT_BOX = AgentBox(
    tuple(map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")))
)


class Host:
    """Inside the measured process: a colony, and what it is told to do."""

    def __init__(self, folder: Path, program: Program, keeper: Path, ids: list[str], epoch: int):
        self.folder = folder
        self.program = program
        self.ids = ids
        self.opening = time.monotonic()
        self.colony = Colony(folder / "workspace", keeper, no_world, epoch=epoch, box=AGENT_BOX)
        self.tick = 0

    def start(self, ids: list[str]) -> dict[str, Any]:
        outcome = self.colony.start([self._start(id) for id in ids])
        failed = [str(one) for one in outcome.values() if not isinstance(one, Started)]
        return {"ready": len(outcome) - len(failed), "failed": failed[:3]}

    def _start(self, id: str) -> Start:
        home = self.folder / "agents" / id
        home.mkdir(parents=True, exist_ok=True)
        plain: dict[str, Any] = {"seed": 7, "genome": b"g", "state": None, "pool": [], "tick": 0}
        return Start(id=id, folder=home, program=self.program, **plain)

    def pids(self) -> dict[str, Any]:
        return dict(self.colony.running())

    def adopt(self, expected: dict[str, int]) -> dict[str, Any]:
        """Take over who lives of those that ran with these pids under a colony that was killed."""
        known = {id: replace(self._start(id), program=None) for id in self.ids}
        self.colony.adopt(known, expected)
        seconds = time.monotonic() - self.opening
        running = self.colony.running()
        faults: Mapping[str, Fault] = self.colony.reap()
        return {
            "seconds": round(seconds, 3),
            "alive": len(running),
            "same_pids": all(expected[id] == pid for id, pid in running.items()),
            "reasons": {id: fault.reason for id, fault in faults.items()},
        }

    def idle(self, seconds: float) -> dict[str, Any]:
        """Nothing but a look at every process each second."""
        end = time.monotonic() + seconds
        sweeps = 0
        while time.monotonic() < end:
            self.colony.sample()
            sweeps += 1
            time.sleep(1.0)
        return {"sweeps": sweeps}

    def exchange(self, steps: int, seconds: float) -> dict[str, Any]:
        """Percepts out and acts in, tick by tick, each agent with words and energy of its own."""
        values = tuple(number / 3 for number in range(steps))
        ids = list(self.colony.running())
        percepts = {
            id: Percept(values, (None, number / 7), number) for number, id in enumerate(ids)
        }
        ticks, answered, begun = -WARM_UP, 0, time.monotonic()
        while ticks < 1 or time.monotonic() < begun + seconds:
            if ticks == 0:
                answered, begun = 0, time.monotonic()
            self.tick += 1
            found = self.colony.exchange(percepts, tick=self.tick, cycle=1)
            ticks, answered = ticks + 1, answered + len(found.acts)
        wall = time.monotonic() - begun
        return {
            "exchanges_per_second": round(answered / wall),
            "tick_ms": round(wall / ticks * 1000, 2),
            "whole": answered == ticks * len(ids),
        }

    def bare(self, seconds: float) -> dict[str, Any]:
        """What this machine makes of the same frames in the same pipes, when nobody looks into
        them: what exchange() is to be held against."""
        residents = list(self.colony._board.agents.values())
        with select.epoll() as epoll:
            for resident in residents:
                epoll.register(resident.pipes.outward, select.EPOLLIN)
            ticks, begun = 0, time.monotonic()
            while time.monotonic() < begun + seconds:
                self.tick += 1
                encoder = PerceptEncoder(epoch=self.colony.epoch, tick=self.tick, cycle=1)
                content = encoder.frame(Percept((0.5,), (None, 0.5), 0))
                for resident in residents:
                    os.write(resident.pipes.inward, content)
                answered = 0
                while answered < len(residents):
                    answered += sum(len(os.read(pipe, 8192)) > 0 for pipe, _ in epoll.poll())
                ticks += 1
            wall = time.monotonic() - begun
        return {"exchanges_per_second": round(ticks * len(residents) / wall)}

    def watch(self) -> dict[str, Any]:
        """Until somebody has died; the dead are started again at once, without their delay."""
        poll = select.poll()
        poll.register(self.colony.handle, select.POLLIN)
        while not (faults := self.colony.reap()):
            poll.poll()
        detected = time.monotonic()
        self.start(list(faults))
        return {"detected": detected, "back": time.monotonic()}

    def stop(self) -> dict[str, Any]:
        begun = time.monotonic()
        self.colony.stop(self.ids)
        self.colony.close()
        return {"stopped_s": round(time.monotonic() - begun, 3)}


@dataclass(frozen=True)
class Tools:
    """The programs that are compiled once: an agent, and the keeper."""

    child: Path
    keeper: Path


class HostedColony:
    """Outside: the process that holds the agents, spoken to in lines of JSON."""

    def __init__(self, folder: Path, tools: Tools, mark: str, first: int, count: int):
        self.folder, self.mark = folder, mark
        given = (folder, tools.child, tools.keeper, mark, first, count)
        self._argv = [sys.executable, __file__, *map(str, given)]
        self._epoch = 0
        self.process = self._launched()
        self.tell("start")

    def _launched(self) -> "subprocess.Popen[str]":
        self._epoch += 1
        argv = [*self._argv, str(self._epoch)]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def take_over(self, expected: dict[str, int]) -> None:
        """Another process for the one that was killed."""
        self.process.communicate()
        self.process = self._launched()
        self.tell("adopt", expected=expected)

    def tell(self, command: str, **more: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"command": command, **more}) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"our own colony ended by itself ({self.process.wait()})")
        found: dict[str, Any] = json.loads(line)
        return found

    def processes(self) -> list[int]:
        """The colony's own: not agents, but its keeper, whoever is its parent by now."""
        found = {pid for pid in descendants(self.process.pid) if not _is_agent(pid)}
        return sorted(found.union(self.keepers()))

    def keepers(self) -> list[int]:
        return [pid for pid in working_below(self.folder) if _is_keeper(pid)]

    def close(self) -> None:
        keepers = self.keepers()
        self.process.kill()
        self.process.communicate()
        for pid in keepers:
            subprocess.run(["kill", "-9", str(pid)], check=False, stderr=subprocess.DEVNULL)


def _is_agent(pid: int) -> bool:
    return any(word.startswith(b"agent-") for word in words(pid)[:1])


def _is_keeper(pid: int) -> bool:
    return any(word.rpartition(b"/")[2] == KEEPER for word in words(pid)[:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("folder", Path), ("child", Path), ("keeper", Path), ("mark", str)):
        parser.add_argument(name, type=kind)
    for name in ("first", "count", "epoch"):
        parser.add_argument(name, type=int)
    options = parser.parse_args()
    program = Program(options.child, (options.mark,))
    ids = [f"{number:06}" for number in range(options.first, options.first + options.count)]
    host = Host(options.folder, program, options.keeper, ids, options.epoch)
    commands: Mapping[str, Callable[..., dict[str, Any]]] = {
        "start": lambda: host.start(host.ids),
        "pids": host.pids,
        "adopt": host.adopt,
        "idle": host.idle,
        "exchange": host.exchange,
        "bare": host.bare,
        "watch": host.watch,
        "stop": host.stop,
    }
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(commands[told.pop("command")](**told)), flush=True)


if __name__ == "__main__":
    main()
