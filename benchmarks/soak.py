"""Hours of life under random kills: does anything grow, get lost, or live twice?

    python benchmarks/soak.py --hours 1 --agents 1000 --json

A real project lives in its life-cycle, with births, deaths and mutations of its own. Meanwhile
agents are killed at random (a tenth of them a minute), now and then the life-cycle (the next one
begins at once) and its keeper. An observer process watches for agents that live twice. Prints
figures and a verdict for each criterion; exit code 1 when one is not met.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from outside import wait_for
from projects import EVOLVE, end_by_exception, new_project, scratch
from reports import printed
from soak_samples import EventWatch, Sampler, agents_of, keepers, told, verdicts

from evolve_ai.system import lock

OBSERVER = Path(__file__).parents[1] / "tests" / "observer.py"
KILLED_A_MINUTE = 0.1  # of the agents; at a fifth, restarts would pause
LOG_BYTES, LOG_FILES = 1 << 20, 9
STOP_SECONDS = 120.0
BEGIN_SECONDS = 60.0  # a signal to a process that is still loading just ends it
LEAVE_SECONDS = 10.0
SLICE = 0.05
SAMPLE_SECONDS = 2.0
AGENTS_A_SAMPLE_SECOND = 100

Report = dict[str, Any]


@dataclass
class Kills:
    """What was done to them, and what they did by themselves."""

    agents: int = 0
    life_cycles: int = 0
    keepers: int = 0
    ended_by_themselves: list[str] = field(default_factory=list)


class Soak:
    """A project, its life-cycle, and who is after their lives."""

    def __init__(self, project: Path, options: argparse.Namespace):
        self.project, self.options = project, options
        self.random = random.Random(options.seed)
        self.kills = Kills()
        self.sampler = Sampler(project)
        self.events = EventWatch(project / "logs" / "events.jsonl", LOG_FILES)
        self.output = (project / "output").open("ab")
        self.life_cycle = self.begin()

    def begin(self) -> "subprocess.Popen[bytes]":
        settings = {
            "mode": self.options.mode,
            "events.file_bytes": LOG_BYTES,
            "events.files": LOG_FILES,
        }
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.begun = time.monotonic()
        return subprocess.Popen(
            [*EVOLVE, "life-cycle", *words],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )

    def live(self, seconds: float) -> None:
        """Kill and look, each at its time, until the time is up."""
        now = time.monotonic()
        end = now + seconds
        agent_kill = 60.0 / (KILLED_A_MINUTE * self.options.agents)
        pause = max(SAMPLE_SECONDS, self.options.agents / AGENTS_A_SAMPLE_SECOND)
        turns = [
            [now + pause, self.look, lambda: pause],
            [now + 10, self.kill_agent, lambda: self.random.expovariate(1 / agent_kill)],
            [now + 20, self.kill_ours, lambda: self.kill_pause()],
        ]
        while time.monotonic() < end:
            time.sleep(SLICE)
            self.see_to_the_life_cycle()
            for turn in turns:
                if time.monotonic() >= turn[0]:
                    turn[1]()
                    turn[0] = time.monotonic() + turn[2]()

    def kill_pause(self) -> float:
        return self.random.expovariate(1 / self.options.restart_every)

    def look(self) -> None:
        self.sampler.look(self.life_cycle.pid, time.monotonic() - self.begun)
        self.events.look()

    def see_to_the_life_cycle(self) -> None:
        code = self.life_cycle.poll()
        if code is not None:
            said = (self.project / "output").read_bytes()[-400:].decode(errors="replace")
            self.kills.ended_by_themselves.append(f"exit code {code}: {' '.join(said.split())}")
            time.sleep(1.0)
            self.life_cycle = self.begin()

    def kill_agent(self) -> None:
        if there := agents_of(self.project):
            self.kills.agents += end(self.random.choice(there))

    def kill_ours(self) -> None:
        """The keeper, the life-cycle, or both."""
        which = self.random.choice(("keeper", "life-cycle", "both"))
        there = keepers(self.project)
        if there and which != "life-cycle":
            self.kills.keepers += sum(map(end, there))
        if not there or which != "keeper":
            self.kills.life_cycles += 1
            self.life_cycle.kill()
            self.life_cycle.wait()
            self.life_cycle = self.begin()

    def stop(self) -> Report:
        """End it in an orderly way, once it has begun; whether that left anybody."""
        wait_for(self._has_begun, BEGIN_SECONDS)
        self.life_cycle.send_signal(signal.SIGINT)
        try:
            code: int | None = self.life_cycle.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        gone = wait_for(self._nobody, LEAVE_SECONDS)
        left = len(agents_of(self.project)) + len(keepers(self.project))
        return {"ok": gone and code == 0, "exit_code": code, "left": left}

    def _has_begun(self) -> bool:
        holder = lock.holder(self.project / "workspace")
        return holder is not None and holder.identity.pid == self.life_cycle.pid

    def _nobody(self) -> bool:
        return not agents_of(self.project) and not keepers(self.project)

    def close(self) -> None:
        self.life_cycle.kill()
        self.life_cycle.wait()
        self.output.close()
        for pid in [*keepers(self.project), *agents_of(self.project)]:
            end(pid)


def end(pid: int) -> int:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        return 1
    return 0


def soak(report: Report, folder: Path, options: argparse.Namespace) -> Report:
    """What was found; into the report, what was seen, when it breaks off."""
    project = new_project(folder, "project", options.agents)
    lines = folder / "observed.jsonl"
    argv = [sys.executable, str(OBSERVER), str(project / "agents"), str(lines)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as observer:
        soaking = Soak(project, options)
        try:
            soaking.live(options.seconds)
            soaking.look()
            stopped = soaking.stop()
        except BaseException:
            report["kills"] = vars(soaking.kills)
            if soaking.sampler.samples:
                report |= told(soaking.sampler.samples)
            raise
        finally:
            soaking.close()
            observer.communicate()
    with lines.open(encoding="utf-8") as seen:
        return judged(soaking, stopped, seen)


def judged(soaking: Soak, stopped: Report, seen: IO[str]) -> Report:
    observed = [json.loads(line) for line in seen]
    doubles = [line for line in observed if line["what"] == "violation"]
    registry = soaking.project / "workspace" / "registry.sqlite"
    unlike = soaking.events.against(registry)
    problems = [*soaking.events.problems, *unlike]
    samples, by_itself = soaking.sampler.samples, soaking.kills.ended_by_themselves
    found = verdicts(samples, LOG_BYTES * (LOG_FILES + 1))
    found["nobody_lives_twice"] = {"ok": not doubles, "violations": doubles[:5]}
    found["no_event_missing_or_doubled"] = {"ok": not problems, "problems": problems[:5]}
    found["never_ends_by_itself"] = {"ok": not by_itself, "ends": by_itself[:5]}
    found["stop_leaves_nobody"] = stopped
    return {
        "ok": all(verdict["ok"] for verdict in found.values()),
        "verdicts": found,
        "kills": vars(soaking.kills),
        "events": soaking.events.last,
        "observed": {key: observed[-1][key] for key in ("least", "most", "looks", "longest_gap")},
        **told(samples),
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    duration = parser.add_mutually_exclusive_group(required=True)
    duration.add_argument("--hours", type=float)
    duration.add_argument("--minutes", type=float)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--mode", choices=["free", "lockstep"], default="free")
    parser.add_argument("--restart-every", type=float, default=300.0, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=7, help="of the kills")
    parser.add_argument("--json", action="store_true", help="nothing but the report, on one line")
    options = parser.parse_args()
    options.seconds = (options.hours or 0) * 3600 + (options.minutes or 0) * 60
    return options


def main() -> None:
    options = parsed()
    end_by_exception()
    with printed(None if options.json else 2) as report, scratch("bench-soak-") as folder:
        report |= soak(report, folder, options)
    raise SystemExit(0 if report["ok"] else 1)


if __name__ == "__main__":
    main()
