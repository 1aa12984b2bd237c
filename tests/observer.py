"""Owns an observer: a process of its own that sees in /proc which agents of a project live.

    python tests/observer.py PROJECT/agents LINES

Agents are processes whose argv[0] begins with agent- and whose working folder lies in that folder.
LINES gets one JSON object a line: an agent `began` or `ended`, a `violation` (two live processes
of one agent at the same time), and at last a `summary`. It ends when its standard input does, so it
never outlives who started it.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

_LOOK_SECONDS = 0.003
_COUNT_SECONDS = 0.1
# A process that is no agent may yet become one: between fork and exec it looks like its parent.
_YOUNG_SECONDS = 10.0
_NAME = b"agent-"
_GONE = "ZX"

Process = tuple[int, int]  # its pid, and its start time in clock ticks since boot


class Watch:
    """What was seen so far. A look costs little: only who is new is examined."""

    def __init__(self, agents: Path, lines: TextIO):
        self._root = f"{agents.resolve()}/"
        self._lines = lines
        self._agents: dict[int, tuple[str, int]] = {}  # pid: the agent, and its start time
        self._young: dict[int, float] = {}  # pid: when it was first seen
        self._old: set[int] = set()
        self._counted = 0.0
        self.least: int | None = None
        self.most = self.violations = self.looks = 0
        self.longest_gap = self._last = 0.0

    def look(self) -> None:
        now = time.monotonic()
        there = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208
        for pid in self._agents.keys() - there:
            self._ended(pid)
        self._old &= there
        for pid in there - self._old - self._agents.keys():
            self._examine(pid, now)
        self._young = {pid: seen for pid, seen in self._young.items() if pid in there}
        if now - self._counted >= _COUNT_SECONDS:
            self._counted = now
            self._count()
        if self.looks:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        self.looks += 1

    def _examine(self, pid: int, now: float) -> None:
        agent, start = self._agent_of(pid), _alive_since(pid)
        if agent is not None and start is not None:
            self._young.pop(pid, None)
            self._began(agent, (pid, start))
        elif now - self._young.setdefault(pid, now) > _YOUNG_SECONDS:
            del self._young[pid]
            self._old.add(pid)

    def _began(self, agent: str, process: Process) -> None:
        others = [(pid, start) for pid, (name, start) in self._agents.items() if name == agent]
        self._agents[process[0]] = (agent, process[1])
        self._say("began", agent, processes=[process])
        for other in others:
            # The newcomer was seen alive before this: if the other one is alive now, both were.
            if _lives(other):
                self.violations += 1
                self._say("violation", agent, processes=[other, process])

    def _ended(self, pid: int) -> None:
        agent, start = self._agents.pop(pid)
        self._say("ended", agent, processes=[(pid, start)])

    def _count(self) -> None:
        """How many live; zombies are still listed, and their pids may have been given anew."""
        for pid, (_, start) in list(self._agents.items()):
            if not _lives((pid, start)):
                self._ended(pid)
                self._old.add(pid)
        count = len(self._agents)
        self.least = count if self.least is None else min(self.least, count)
        self.most = max(self.most, count)

    def _agent_of(self, pid: int) -> str | None:
        with suppress(OSError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
            # A folder that was removed still shows as the process's own, as "… (deleted)".
            here = name.startswith(_NAME) and Path(f"/proc/{pid}/cwd").readlink()
            if here and f"{here}/".startswith(self._root):
                return name.removeprefix(_NAME).decode(errors="replace")
        return None

    def _say(self, what: str, agent: str | None = None, **more: Any) -> None:
        line = {"ts": round(time.time(), 3), "what": what, "agent": agent, **more}
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()

    def conclude(self) -> None:
        self._count()
        self._say(
            "summary",
            least=self.least,
            most=self.most,
            alive=sorted(agent for agent, _ in self._agents.values()),
            violations=self.violations,
            looks=self.looks,
            longest_gap=round(self.longest_gap, 3),
        )


def _alive_since(pid: int) -> int | None:
    """The start time of a process that lives; None for none, and for a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in _GONE else int(fields[19])


def _lives(process: Process) -> bool:
    return _alive_since(process[0]) == process[1]


class Observer:
    """The observer as its user sees it: it runs until `close()`, which tells what it saw."""

    def __init__(self, agents: Path, lines: Path):
        self.lines = lines
        argv = [sys.executable, __file__, str(agents), str(lines)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        self._process.stdout.readline()  # it has looked once

    def __enter__(self) -> "Observer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seen(self, what: str) -> list[dict[str, Any]]:
        """The lines of one kind up to now."""
        lines = self.lines.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [line for line in whole if line["what"] == what]

    def close(self) -> dict[str, Any]:
        """End it; its summary. Safe to call twice."""
        self._process.communicate(timeout=30)
        summary: dict[str, Any] = self.seen("summary")[0]
        return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agents", type=Path)
    parser.add_argument("lines", type=Path)
    options = parser.parse_args()
    with suppress(PermissionError):
        os.nice(-10)  # on a busy machine it must not blink
    with options.lines.open("w", encoding="utf-8") as lines:
        watch = Watch(options.agents, lines)
        watch.look()
        print("watching", flush=True)
        while not select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
            watch.look()
        watch.look()
        watch.conclude()


if __name__ == "__main__":
    main()
