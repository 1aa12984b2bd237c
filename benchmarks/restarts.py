"""Owns the measurement of restarts in free mode: how late a killed agent is back."""

import json
import os
import random
import signal
import sqlite3
import statistics
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from mutation import living
from projects import new_project

KILLS = 20
PATIENCE = 30.0  # seconds
LOOK_SECONDS = 0.02
RUNNING = "SELECT id, pid FROM agents WHERE state = 'running' ORDER BY id"
WAITING = "SELECT id, retry_at FROM agents WHERE state = 'waiting' AND retry_at IS NOT NULL"


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
        due, exits, back = _watched(project, log, {agent for agent, _ in victims})
    late = [back[agent] - due[agent] for agent in back.keys() & due.keys()]
    return {
        "agents": agents,
        "killed": len(victims),
        "back": len(late),
        "judged_ms": _milliseconds([one - killed for one in exits.values()]),
        "late_ms": _milliseconds(late),
    }


def _watched(
    project: Path, log: IO[str], victims: set[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """When each of them was due, when its end was told, when it was back; wall clock."""
    due: dict[str, float] = {}
    exits: dict[str, float] = {}
    back: dict[str, float] = {}
    deadline = time.monotonic() + PATIENCE
    while len(back) < len(victims) and time.monotonic() < deadline:
        # In free mode the times of the registry are those of the machine's monotonic clock.
        offset = time.time() - time.monotonic()
        for agent, retry_at in _asked(project, WAITING):
            due[agent] = retry_at + offset
        for line in log:
            event = json.loads(line)
            if event["agent"] not in victims or event.get("cause") != "crash":
                continue
            told = {"exit": exits, "restart": back}.get(event["event"])
            if told is not None:
                told.setdefault(event["agent"], datetime.fromisoformat(event["ts"]).timestamp())
        time.sleep(LOOK_SECONDS)
    return due, exits, back


def _asked(project: Path, query: str) -> list[Any]:
    registry = project / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(f"file:{registry}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def _milliseconds(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    median, most = statistics.median(seconds), max(seconds)
    return {"median": round(median * 1000, 1), "most": round(most * 1000, 1)}
