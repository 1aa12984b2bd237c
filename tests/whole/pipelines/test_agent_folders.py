"""The folder of an agent is small, and builds by itself wherever it lies."""

import shutil
from pathlib import Path

from agents_alone import QUICK, cargo_alone
from project_support import ProjectUnderTest

BLOCK = 4096  # bytes that a file system gives out at a time
MOST_FILES, MOST_BYTES = 24, 155_000


def size_on_disk(path: Path) -> int:
    size = BLOCK if path.is_dir() else path.lstat().st_size
    return -(-size // BLOCK) * BLOCK


def test_folder_needs_few_files_and_blocks(calm: ProjectUnderTest) -> None:
    for agent in calm.agents():
        folder = calm.folder(agent["id"])
        found = [folder, *folder.rglob("*")]
        assert len(found) <= MOST_FILES, sorted(map(str, found))
        assert sum(map(size_on_disk, found)) <= MOST_BYTES


def test_copy_of_a_folder_builds_elsewhere_with_cargo_alone(
    calm: ProjectUnderTest, tmp_path: Path
) -> None:
    agent = calm.agents()[0]["id"]
    copy = Path(shutil.copytree(calm.folder(agent), tmp_path / "moved"))
    done = cargo_alone(copy, **QUICK)
    assert done.returncode == 0, done.stderr
    assert (copy / "target" / "release" / f"agent-{agent}").is_file()
