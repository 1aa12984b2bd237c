"""Owns what a soak looks at from outside, and its verdicts on what it saw."""

import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from outside import descendants, words, working_below
from projects import pss

from evolve_ai.model.agent import State
from evolve_ai.state.registry import Registry

KEEPER = b"evolve-keeper"
MAY_GROW = 1.05
WARM_SECONDS = 20.0  # a life-cycle that has just begun still fills its memory
LEAST_IN_A_THIRD = 3
BYTES_A_BIRTH = 32 * 1024  # the registry keeps genome and story of the dead; 11 KB were measured
WORKSPACE_SLACK = 32 * 1024 * 1024  # a write-ahead log at its longest, journals, order logs
LOG_SLACK = 4 * 1024 * 1024  # other logs than that of events
_SEQ = re.compile(rb'"seq": ?(\d+)')

Report = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A moment. Bytes are those that the disk holds; `zombies` those of the sample before too."""

    seconds: float
    age: float
    pss_mb: float
    descriptors: int
    zombies: int
    logs_bytes: int
    agents_bytes: int
    workspace_bytes: int
    folders: int
    alive: int
    born: int
    running: int
    processes: int


class Sampler:
    def __init__(self, project: Path):
        self.project = project
        self.samples: list[Sample] = []
        self._begun = time.monotonic()
        self._zombies: set[tuple[int, str]] = set()

    def look(self, life_cycle: int, age: float) -> None:
        here = working_below(self.project)
        agents = {pid for pid in here if _name(pid).startswith(b"agent-")}
        tree = set(descendants(life_cycle)) - agents | keepers(self.project)
        zombies = _zombies_of(tree | {os.getpid()})
        records = self._records()
        folders = self.project / "agents"
        sample = Sample(
            seconds=round(time.monotonic() - self._begun, 1),
            age=round(age, 1),
            pss_mb=round(sum(map(pss, tree)) / 1e6, 2),
            descriptors=_descriptors(life_cycle),
            zombies=len(zombies & self._zombies),
            logs_bytes=disk_usage(self.project / "logs"),
            agents_bytes=disk_usage(folders),
            workspace_bytes=disk_usage(self.project / "workspace"),
            folders=sum(1 for name in os.listdir(folders) if name[0] != "."),  # noqa: PTH208
            processes=len(agents),
            **records,
        )
        self._zombies = zombies
        self.samples.append(sample)

    def _records(self) -> dict[str, int]:
        with Registry.read(self.project / "workspace" / "registry.sqlite") as registry:
            living = registry.living().values()
            return {
                "alive": len(living),
                "running": sum(1 for record in living if record.state is State.RUNNING),
                "born": len(living) + registry.count("dead"),
            }


def _name(pid: int) -> bytes:
    return (words(pid) or [b""])[0].rpartition(b"/")[2]


def keepers(project: Path) -> set[int]:
    return {pid for pid in working_below(project) if _name(pid) == KEEPER}


def agents_of(project: Path) -> list[int]:
    return sorted(pid for pid in working_below(project) if _name(pid).startswith(b"agent-"))


def _zombies_of(parents: set[int]) -> set[tuple[int, str]]:
    """(pid, start time) of the dead that one of these has not collected."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                text = (entry / "stat").read_text(errors="replace")
                fields = text[text.rindex(")") + 2 :].split()
                if fields[0] == "Z" and int(fields[1]) in parents:
                    found.add((int(entry.name), fields[19]))
    return found


def _descriptors(pid: int) -> int:
    with suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - nothing but a number
    return 0


def disk_usage(folder: Path) -> int:
    """Bytes that the files below a folder take; what vanishes meanwhile does not count."""
    total, left = 0, [folder]
    for at in left:
        with suppress(OSError), os.scandir(at) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        left.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


class EventWatch:
    """Follows events.jsonl through its rotations: each number once, in order, none missing."""

    def __init__(self, path: Path, files: int):
        self.paths = [path.with_name(f"{path.name}.{n}") for n in range(files, 0, -1)] + [path]
        self.last = 0
        self.problems: dict[str, None] = {}

    def look(self) -> list[int]:
        seqs = self._read()
        if seqs and seqs[0] > self.last + 1:
            self.problems[f"{self.last + 1} to {seqs[0] - 1} were never seen"] = None
        for before, seq in pairwise(seqs):
            if seq != before + 1:
                self.problems[f"{seq} follows {before}"] = None
        self.last = max(self.last, seqs[-1] if seqs else 0)
        return seqs

    def _read(self) -> list[int]:
        """The numbers of all whole lines, oldest first; read again if a rotation came between."""
        while True:
            before, found = self._inodes(), []
            for path in self.paths:
                with suppress(FileNotFoundError):
                    lines = path.read_bytes().splitlines(keepends=True)
                    found += [_seq(line) for line in lines if line.endswith(b"\n")]
            if self._inodes() == before:
                return found

    def _inodes(self) -> list[int]:
        return [path.stat().st_ino if path.exists() else 0 for path in self.paths]

    def against(self, registry: Path) -> list[str]:
        """What the log and the registry do not have in common, at the end."""
        logged = self.look()
        with Registry.read(registry) as opened:
            recorded = [one.seq for one in opened.events_after(0)]
        first = max(logged[0], recorded[0]) if logged and recorded else 0
        missing = {seq for seq in recorded if seq >= first} ^ {
            seq for seq in logged if seq >= first
        }
        return [f"{len(missing)} events are in one of them only"] if missing else []


def _seq(line: bytes) -> int:
    found = _SEQ.search(line)
    return int(found.group(1)) if found else -1


# --- verdicts


def trend(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Report:
    """Medians of the second and the last third; `decides` when there are enough for that."""
    third = len(samples) // 3
    values = [value(sample) for sample in samples]
    return {
        "decides": third >= LEAST_IN_A_THIRD,
        "first": values[0],
        "last": values[-1],
        "peak": max(values),
        "second_third": round(statistics.median(values[third : 2 * third] or values), 2),
        "last_third": round(statistics.median(values[2 * third :] or values), 2),
    }


def flat(found: Report) -> Report:
    return {
        "ok": found["decides"] and found["last_third"] <= found["second_third"] * MAY_GROW,
        **found,
    }


def verdicts(samples: Sequence[Sample], log_bytes: int) -> dict[str, Report]:
    """One for each criterion that samples can decide. Few samples decide nothing: not ok."""
    warm = [sample for sample in samples if sample.age >= WARM_SECONDS] or samples[-1:]
    logs = trend(samples, lambda one: one.logs_bytes)
    births = trend(samples, lambda one: one.born)
    workspace = trend(samples, lambda one: one.workspace_bytes)
    # From the beginning: the copy of the registry, made after ten minutes of a run, is a step.
    room = BYTES_A_BIRTH * (births["last_third"] - births["first"]) + WORKSPACE_SLACK
    grown = workspace["last_third"] - workspace["first"] * MAY_GROW
    zombies = max(one.zombies for one in samples)
    return {
        "flat_memory": flat(trend(warm, lambda one: one.pss_mb)),
        "flat_descriptors": flat(trend(warm, lambda one: one.descriptors)),
        "no_zombies": {"ok": zombies == 0, "most": zombies},
        "bounded_logs": {"ok": logs["peak"] <= log_bytes + LOG_SLACK, **logs},
        "bounded_agents": flat(trend(samples, lambda one: one.agents_bytes / max(1, one.folders))),
        "bounded_workspace": {"ok": grown <= room, "room": round(room), **workspace},
        "folders_of_the_living_only": folders_of_the_living_only(samples),
    }


def folders_of_the_living_only(samples: Sequence[Sample]) -> Report:
    """Newborns and the just dead are between registry and disk for a moment, not for ever."""
    excess = [one.folders - one.alive for one in samples]
    return {"ok": statistics.median(excess) <= 0, "median": statistics.median(excess)}


def told(samples: Sequence[Sample]) -> Report:
    return {"samples": len(samples), "first": asdict(samples[0]), "last": asdict(samples[-1])}
