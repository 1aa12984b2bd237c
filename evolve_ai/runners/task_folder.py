"""Makes the folders that hold the files of jobs: what all candidates share is written once."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from evolve_ai.contracts.runner import Content
from evolve_ai.model.errors import StorageError
from evolve_ai.model.job import Job
from evolve_ai.system.files import storage_errors
from evolve_ai.system.trees import discard

_FILE, _FOLDER = 0o555, 0o755


def fixed_files(job: Job) -> dict[str, str]:
    return {path: code for path, code in job.files.items() if path not in job.changed}


def digest_of(files: Mapping[str, str]) -> str:
    told = "".join(f"{path}\0{code}\n" for path, code in sorted(files.items()))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def write_files(folder: Path, files: Mapping[str, str], content: Content) -> None:
    """Write these files, each checked against its SHA-256. StorageError when the disk fails, or for
    a path that leads out of the folder, or content that is not what it is named for."""
    for path, code in files.items():
        place = folder / checked(path)
        data = content(code)
        if hashlib.sha256(data).hexdigest() != code:
            raise StorageError(f"the content of {path} is not the one that is meant", where=folder)
        with storage_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
            place.unlink(missing_ok=True)
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            place.chmod(_FILE)


def checked(path: str) -> str:
    """This relative path. StorageError when it leads elsewhere."""
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
        raise StorageError(f"no path below a task's folder: {path!r}")
    return path


@dataclass(slots=True)
class TaskFolder:
    """The folder of one slot. The fixed files of a set are written once, those of a candidate for
    each of its trials. Boxes must not be able to write to it."""

    folder: Path
    content: Content
    _written: dict[str, frozenset[str]] = field(default_factory=dict)  # by set: changed files there

    def place(self, job: Job) -> Path:
        """The folder of a job's set of fixed files, without any file of a candidate."""
        fixed = fixed_files(job)
        digest = digest_of(fixed)
        place = self.folder / digest
        if digest not in self._written:
            discard(place)
            with storage_errors(place):
                self.folder.mkdir(exist_ok=True, mode=_FOLDER)
                place.mkdir(mode=_FOLDER)
            write_files(place, fixed, self.content)
            self._written[digest] = frozenset()
        return place

    def fill(self, job: Job) -> Path:
        """The folder with all files of this job, and no others."""
        place = self.clear(job)
        mine = {path: code for path, code in job.files.items() if path in job.changed}
        self._written[place.name] = frozenset(mine)
        write_files(place, mine, self.content)
        return place

    def clear(self, job: Job) -> Path:
        """The folder with the fixed files alone."""
        place = self.place(job)
        if not place.is_dir():  # else its path would be made anew, without the fixed files
            raise StorageError("this folder is gone, or was moved", where=place)
        with storage_errors(place):
            for path in self._written[place.name]:
                (place / path).unlink(missing_ok=True)
                with suppress(OSError):  # its folder is not empty, or is gone
                    for above in PurePosixPath(path).parents[:-1]:
                        (place / above).rmdir()
        self._written[place.name] = frozenset()
        return place
