"""Runs one job at a time where no namespaces are to be had: in a box like that of a build."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from evolve_ai.model.job import HARNESS, SCRATCH, TASK, Job, JobEnd, Outcome
from evolve_ai.model.sandbox import EVERYTHING
from evolve_ai.runners.boxed_slot import HARNESS_FILE, Boxes, common_env, outcome_of
from evolve_ai.runners.task_folder import TaskFolder
from evolve_ai.system import trial_box
from evolve_ai.system.files import check_room, storage_errors
from evolve_ai.system.trees import discard
from evolve_ai.system.trial_box import TrialPlaces, run_trial, trial_argv

_FOLDERS = ("work", "tmp", "home")


@dataclass(slots=True)
class LandlockSlot:
    """`scratch` is a folder of its own, which is removed after each job. With `unsafe` nothing is
    protected; the limits hold all the same."""

    boxes: Boxes
    task: TaskFolder
    scratch: Path
    unsafe: bool = False
    notes: set[str] = field(default_factory=set)

    def run(self, job: Job, cancelled: threading.Event) -> Outcome:
        place = self.task.fill(job)
        discard(self.scratch)
        with storage_errors(self.scratch):
            self.scratch.mkdir()
            for name in _FOLDERS:
                (self.scratch / name).mkdir()
        try:
            places = self._places(job, place)
            command = [self._said(word, place) for word in job.argv]
            report = run_trial(
                lambda status: trial_argv(places, job, command, status),
                self.scratch,
                self._env(job, place),
                cancelled,
            )
            outcome = outcome_of(report, job)
            if outcome.end is not JobEnd.DISK:
                check_room(self.scratch)  # a full disk is not the job's fault, whatever it says
        finally:
            discard(self.scratch)
        return replace(
            outcome,
            stdout=self._as_elsewhere(outcome.stdout, place),
            stderr=self._as_elsewhere(outcome.stderr, place),
            files={path: self._as_elsewhere(data, place) for path, data in outcome.files.items()},
        )

    def close(self) -> None:
        discard(self.scratch)

    def _places(self, job: Job, task: Path) -> TrialPlaces:
        return TrialPlaces(
            self.boxes.keeper,
            self.boxes.readable,
            self.scratch,
            task,
            HARNESS_FILE,
            self.boxes.devices if job.needs.gpus else (),
            self.scratch,
            EVERYTHING if self.unsafe else frozenset(),
        )

    def _env(self, job: Job, place: Path) -> Mapping[str, str]:
        env = common_env(self.boxes)
        env |= {"HOME": str(self.scratch / "home"), "TMPDIR": str(self.scratch / "tmp")}
        return env | {name: self._said(value, place) for name, value in job.env.items()}

    def _said(self, word: str, place: Path) -> str:
        word = word.replace(TASK, str(place)).replace(SCRATCH, str(self.scratch / "work"))
        return word.replace(HARNESS, str(HARNESS_FILE))

    def _as_elsewhere(self, text: bytes, place: Path) -> bytes:
        """With the paths of a box with namespaces, so that outcomes are the same in each slot."""
        known = {place: trial_box.TASK, self.scratch: "/scratch", HARNESS_FILE: trial_box.HARNESS}
        for path, name in known.items():
            text = text.replace(str(path).encode(), name.encode())
        return text
