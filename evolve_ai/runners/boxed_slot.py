"""Runs one job at a time in a box of its own, or in the box of a server that stays warm."""

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evolve_ai.model.job import HARNESS, SCRATCH, TASK, Job, JobEnd, JobUsage, Outcome
from evolve_ai.runners.task_folder import TaskFolder, digest_of, fixed_files
from evolve_ai.system import trial_box
from evolve_ai.system.trial_box import TrialPlaces, TrialReport, TrialServer, run_trial, trial_argv

HARNESS_FILE = Path(__file__).with_name("harness.py")
_SERVER = str(Path(trial_box.HARNESS).with_name("server.py"))
# Variables that a server does not have; each evaluation has its own.
OF_A_TRIAL = frozenset({"EVOLVE_SEED", "EVOLVE_STAGE"})
_FOLDERS = (trial_box.SCRATCH, trial_box.HOME, trial_box.TEMPORARY, "/dev/shm")


@dataclass(frozen=True, slots=True)
class Boxes:
    """What all boxes have in common: the keeper that makes them, what programs in them may read and
    execute at its own place, their PATH and what else toolchains need in their environment."""

    keeper: Path
    readable: tuple[Path, ...]
    path: str
    env: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Warm:
    key: Hashable
    server: TrialServer


@dataclass(slots=True)
class BoxedSlot:
    """`root` is an empty folder of its own, on which boxes mount what they see."""

    boxes: Boxes
    task: TaskFolder
    root: Path
    notes: set[str] = field(default_factory=set)  # why functions are not kept warm
    _warm: _Warm | None = None
    _unfit: set[Hashable] = field(default_factory=set)

    def run(self, job: Job, cancelled: threading.Event) -> Outcome:
        self.root.mkdir(exist_ok=True)
        report = self._by_server(job, cancelled) if job.warm in job.argv[1:] else None
        if report is None:
            report = self._cold(job, cancelled)
        return outcome_of(report, job)

    def close(self) -> None:
        if self._warm is not None:
            self._warm.server.close()
            self._warm = None

    def _cold(self, job: Job, cancelled: threading.Event) -> TrialReport:
        places = self._places(job, self.task.fill(job))
        command = [_in_box(word) for word in job.argv]
        return run_trial(
            lambda status: trial_argv(places, job, command, status),
            self.root,
            self._env(job),
            cancelled,
        )

    def _by_server(self, job: Job, cancelled: threading.Event) -> TrialReport | None:
        """None when this job must run cold: its function cannot be kept, or its server failed."""
        key = _key(job)
        if key in self._unfit or (server := self._server_for(key, job, cancelled)) is None:
            return None
        self.task.fill(job)
        env = [f"{name}={value}" for name, value in job.env.items() if name in OF_A_TRIAL]
        words = [_in_box(word) for word in job.argv[job.argv.index(job.warm) + 1 :]]
        report = server.run((str(len(env)), *env, *words), cancelled)
        if not report.stays:
            self.close()
        return None if report.end in (JobEnd.MACHINE, "failed") else report

    def _server_for(
        self, key: Hashable, job: Job, cancelled: threading.Event
    ) -> TrialServer | None:
        if self._warm is not None and self._warm.key == key:
            return self._warm.server
        self.close()
        # It is imported without the program, so that no trial sees an earlier one's.
        places = self._places(job, self.task.clear(job))
        command = [*map(_in_box, _interpreter(job)), _SERVER, job.warm, *_FOLDERS]
        env = {name: value for name, value in self._env(job).items() if name not in OF_A_TRIAL}
        server = TrialServer(partial(trial_argv, places, job, command), self.root, env, cancelled)
        if server.began.end == "ready":
            self._warm = _Warm(key, server)
            return server
        server.close()
        if server.began.end == "unfit":
            self._unfit.add(key)
            self.notes.add(f"{job.warm} is not kept in memory: {server.began.reason}")
        return None

    def _places(self, job: Job, task: Path) -> TrialPlaces:
        boxes = self.boxes
        devices = boxes.devices if job.needs.gpus else ()
        return TrialPlaces(boxes.keeper, boxes.readable, self.root, task, HARNESS_FILE, devices)

    def _env(self, job: Job) -> Mapping[str, str]:
        env = common_env(self.boxes)
        env |= {"HOME": trial_box.HOME, "TMPDIR": trial_box.TEMPORARY, "EVOLVE_RUN": trial_box.RUN}
        return env | {name: _in_box(value) for name, value in job.env.items()}


def common_env(boxes: Boxes) -> dict[str, str]:
    """The environment of a trial, made from nothing; the same in all boxes."""
    return {
        "PATH": boxes.path,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **boxes.env,
    }


def outcome_of(report: TrialReport, job: Job) -> Outcome:
    if report.end == "failed" or report.end not in set(JobEnd):
        return Outcome(JobEnd.MACHINE, reason=f"no box could be made: {report.reason}")
    found = zip(job.collect, report.files, strict=False)
    instructions = report.cost_kind in ("instructions", "callgrind") and report.cost is not None
    counted = int(report.cost) if instructions and report.cost is not None else None
    return Outcome(
        JobEnd(report.end),
        report.code,
        report.stdout,
        report.stderr,
        {path: data for path, data in found if data is not None},
        JobUsage(report.wall, report.cpu, report.memory, counted),
        report.reason,
        report.cost,
        report.cost_kind,
    )


def _in_box(word: str) -> str:
    word = word.replace(TASK, trial_box.TASK).replace(SCRATCH, trial_box.SCRATCH)
    return word.replace(HARNESS, trial_box.HARNESS)


def _interpreter(job: Job) -> tuple[str, ...]:
    """The words before the harness and the function."""
    return job.argv[: job.argv.index(job.warm) - 1]


def _key(job: Job) -> Hashable:
    """What a server depends on: all of a job but the candidate's files and what is said of each
    trial."""
    env = tuple(sorted(one for one in job.env.items() if one[0] not in OF_A_TRIAL))
    command = (_interpreter(job), job.warm, job.collect, job.cost)
    return digest_of(fixed_files(job)), job.changed, command, env, job.limits, job.needs
