"""Owns the kills: who outlives a supervisor, whom the next one takes over."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from colonies import HostedColony
from outside import Marked, wait_for

SURVIVE_SECONDS = 2.0
SPEAK_SECONDS = 1.0
END_SECONDS = 10.0
ENDED = 9  # agents that are killed while nobody supervises
SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM)

Report = dict[str, Any]


def survivors(marked: Marked, supervisors: Sequence["subprocess.Popen[Any]"]) -> Report:
    """Who is alive after a kill -9 of the supervisor; then also after having printed a line."""
    before = set(marked.now())
    for supervisor in supervisors:
        supervisor.kill()
        supervisor.wait()
    time.sleep(SURVIVE_SECONDS)
    silent = before & marked.now()
    for pid in silent:
        with suppress(OSError):
            os.kill(pid, signal.SIGUSR1)
    time.sleep(SPEAK_SECONDS)
    spoken = before & marked.now()
    return {"killed_with": len(before), "survivors": len(silent), "after_a_line": len(spoken)}


def together(colonies: Sequence[HostedColony], command: str, **more: object) -> list[Report]:
    """What all of them answer; they work at the same time."""
    for colony in colonies:
        colony.tell(command, **more)
    return [colony.hear() for colony in colonies]


def adoption(
    marked: Marked, colonies: Sequence[HostedColony], expected: Sequence[dict[str, int]]
) -> Report:
    """After a kill -9 of the colonies some agents are killed; then others take over.

    `seconds` are those of the slowest colony, from its opening until all have greeted it;
    `from_outside` those since its process was started, Python and its imports included.
    """
    deaths = _end_some(marked, expected[0])
    begun = time.monotonic()
    for colony, pids in zip(colonies, expected, strict=True):
        colony.take_over(pids)
    found = [colony.hear() for colony in colonies]
    outside = time.monotonic() - begun
    reasons = {id: reason for one in found for id, reason in one["reasons"].items()}
    known = [id for id, name in deaths.items() if name in reasons.get(id, "")]
    answers = together(colonies, "exchange", steps=1, seconds=0.0)
    return {
        "seconds": max(one["seconds"] for one in found),
        "from_outside": round(outside, 3),
        "lived": sum(map(len, expected)) - len(deaths),
        "adopted": sum(one["alive"] for one in found),
        "same_pids": all(one["same_pids"] for one in found),
        "ended_meanwhile": len(deaths),
        "causes_known": len(known),
        "all_answered": all(one["whole"] for one in answers),
    }


def _end_some(marked: Marked, pids: dict[str, int]) -> dict[str, str]:
    """Kill a few agents by different signals; by which, by agent."""
    victims = random.sample(sorted(pids), min(ENDED, len(pids)))
    deaths = {id: SIGNALS[number % len(SIGNALS)] for number, id in enumerate(victims)}
    for id, number in deaths.items():
        os.kill(pids[id], number)
    gone = {pids[id] for id in victims}
    if not wait_for(lambda: not gone & marked.now(), END_SECONDS):
        raise SystemExit("an agent that was killed has not ended")
    return {id: number.name for id, number in deaths.items()}


def without_keeper(marked: Marked, colonies: Sequence[HostedColony]) -> Report:
    """Who is alive after a kill -9 of all keepers, and whether all answer their colony then."""
    before = set(marked.now())
    keepers = [pid for colony in colonies for pid in colony.keepers()]
    for pid in keepers:
        os.kill(pid, signal.SIGKILL)
    time.sleep(SURVIVE_SECONDS)
    after = before & marked.now()
    found = together(colonies, "exchange", steps=1, seconds=0.0)
    return {
        "keepers_killed": len(keepers),
        "killed_with": len(before),
        "survivors": len(after),
        "all_answered": all(one["whole"] for one in found),
    }
