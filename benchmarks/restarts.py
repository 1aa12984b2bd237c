"""Owns the measurement of restarts in free mode: how late a killed agent is back."""

import os
import random
import signal
import sqlite3
import statistics
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from mutation import living
from projects import new_project
from reports import EventTail

KILLS = 20
PATIENCE = 30.0  # seconds
LOOK_SECONDS = 0.02
BACK = ("restart", "start")  # a start: its genome has changed, and all is forgiven
RUNNING = "SELECT id, pid FROM agents WHERE state = 'running' ORDER BY id"
WAITING = (
    "SELECT i.id, l.retry_at FROM lives l JOIN individuals i ON i.number = l.number "
    "WHERE l.state = 'waiting' AND l.retry_at IS NOT NULL"
)


def restarts_in_free_mode(folder: Path, agents: int) -> dict[str, Any]:
    """Kill -9 of so many agents at once in a life-cycle that lives on; nobody selects meanwhile.

    `judged_ms` is from the kill to the event of the exit, `late_ms` from the end of the delay that
    the registry knows to the event of the restart, which is written when the process is ready.
    """
    project = new_project(folder, "free", agents)
    with living(project, "--selection", "none") as log:
        victims = random.sample(_asked(project, RUNNING), min(KILLS, agents))
        killed = time.time()
        for _, pid in victims:
            os.kill(pid, signal.SIGKILL)
        due, exits, back, died = _watched(project, log, {agent for agent, _ in victims})
    late = [max(0.0, back[agent] - due[agent]) for agent in back.keys() & due.keys()]
    return {
        "agents": agents,
        "killed": len(victims),
        "back": len(back),
        "died": len(died),
        "within_100_ms": sum(one <= 0.1 for one in late),
        "judged_ms": _milliseconds([one - killed for one in exits.values()]),
        "late_ms": _milliseconds(late),
    }


def _watched(
    project: Path, log: EventTail, victims: set[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, float], set[str]]:
    """When each of them was due, when its end was told, when it was back, by the wall clock; and
    who died (of age, say) before that."""
    due: dict[str, float] = {}
    exits: dict[str, float] = {}
    back: dict[str, float] = {}
    died: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while len(back) + len(died) < len(victims) and time.monotonic() < deadline:
        # In free mode the times of the registry are those of the machine's monotonic clock.
        offset = time.time() - time.monotonic()
        for agent, retry_at in _asked(project, WAITING):
            due[agent] = retry_at + offset
        for event in log:
            agent, kind = event["agent"], event["event"]
            at = datetime.fromisoformat(event["ts"]).timestamp()
            if agent in victims and kind == "exit":
                exits.setdefault(agent, at)
            elif agent in exits and kind in BACK:
                back.setdefault(agent, at)
            elif agent in victims - back.keys() and kind == "death":
                died.add(agent)
        time.sleep(LOOK_SECONDS)
    return due, exits, back, died


def _asked(project: Path, query: str) -> list[Any]:
    registry = project / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(f"file:{registry}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def _milliseconds(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    median, most = statistics.median(seconds), max(seconds)
    return {"median": round(median * 1000, 1), "most": round(most * 1000, 1)}
