"""Owns what tests of altered projects share: a store of one's own, and what can be done to it."""

import shutil
from pathlib import Path

from project_support import ProjectUnderTest


def with_own_store(project: ProjectUnderTest, made_projects: Path) -> ProjectUnderTest:
    """Stores of tests are shared; who alters one must not alter that of the others, nor look at
    what they have built."""
    store = project.root / "workspace" / "store"
    store.unlink()
    shutil.copytree(made_projects / "shared" / "store", store)
    return project


def batches(project: ProjectUnderTest) -> list[Path]:
    """Those that may be run."""
    found = (project.root / "workspace" / "store" / "programs").iterdir()
    return sorted(path for path in found if len(path.name) == 64)


def set_aside(project: ProjectUnderTest) -> list[Path]:
    return sorted(project.root.glob("workspace/store/programs/broken-*"))


def flip(file: Path, at: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.chmod(file.stat().st_mode | 0o200)
    file.write_bytes(data)


def alter_all(project: ProjectUnderTest, name: str = "program") -> None:
    for batch in batches(project):
        flip(batch / name)
