"""Owns the measurement from a written genome to the new process that has answered."""

import random
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from projects import EVOLVE, new_project
from reports import EventTail

from evolve_ai.model.genome import Genome, decode, encode

TIMES = 40
PATIENCE = 20.0  # seconds; an agent that dies meanwhile never answers
FREE = ("--set", "mode=free")


def genome_to_process(folder: Path, agents: int) -> dict[str, Any]:
    """Seconds from the rename of a genome to the event of its new process, among so many living.

    The event is written when the new process has said `ready`. Nobody else restarts the agent.
    """
    project = new_project(folder, "life", agents)
    rng = random.Random(7)
    with living(project) as log:
        seconds = [one for _ in range(TIMES) if (one := flip_one(project, log, rng)) is not None]
    seconds.sort()
    return {
        "agents": agents,
        "mutations": TIMES,
        "answered": len(seconds),
        "ms_median": round(statistics.median(seconds) * 1000, 1),
        "ms_p90": round(seconds[int(len(seconds) * 0.9)] * 1000, 1),
        "ms_least": round(seconds[0] * 1000, 1),
    }


@contextmanager
def living(project: Path, *options: str) -> Iterator[EventTail]:
    """A life-cycle in free mode, after its first cycle; the log of events, read up to now."""
    argv = [*EVOLVE, "life-cycle", *FREE, *options]
    with subprocess.Popen(argv, cwd=project, stdout=subprocess.DEVNULL) as process:
        try:
            path = project / "logs" / "events.jsonl"
            while not path.exists() or '"event": "cycle"' not in path.read_text():
                if process.poll() is not None:
                    raise SystemExit("evolve life-cycle ended by itself")
                time.sleep(0.2)
            with path.open() as log:
                log.seek(0, 2)
                yield EventTail(log)
        finally:
            process.send_signal(signal.SIGINT)


def flip_one(project: Path, log: EventTail, rng: random.Random) -> float | None:
    """Flip a function of an agent and wait for its restart; None if it died before."""
    folder = rng.choice([path for path in (project / "agents").iterdir() if path.name[0] != "."])
    try:
        genome = decode((folder / "genome.bin").read_bytes())
        (folder / "genome.tmp").write_bytes(encode(flipped(genome, rng)))
        begun = time.time()
        (folder / "genome.tmp").rename(folder / "genome.bin")
    except FileNotFoundError:
        return None  # it has just died
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for event in log:
            if (event["agent"], event["event"]) == (folder.name, "restart"):
                return datetime.fromisoformat(event["ts"]).timestamp() - begun
            if (event["agent"], event["event"]) == (folder.name, "death"):
                return None
        time.sleep(0.005)
    return None


def flipped(genome: Genome, rng: random.Random) -> Genome:
    """The genome with one function of an active file switched on or off."""
    gene = rng.choice([one for one in genome.files if one.active and one.functions])
    at = rng.randrange(len(gene.functions))
    name, active = gene.functions[at]
    functions = (*gene.functions[:at], (name, not active), *gene.functions[at + 1 :])
    files = tuple(replace(one, functions=functions) if one is gene else one for one in genome.files)
    return replace(genome, files=files)
