"""Whose processes are found by their folder: agents, also those that hide their name."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolve_ai.system.leftovers import leftovers

Started = Callable[..., int]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts `sleep` in a folder, under a name; its pid."""
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, folder: Path, *, from_memory: bool = False) -> int:
        program = shutil.which("sleep") or "sleep"
        handle = os.memfd_create("program")
        os.write(handle, Path(program).read_bytes())
        executable = f"/proc/self/fd/{handle}" if from_memory else program
        folder.mkdir(parents=True, exist_ok=True)
        argv = [name, "60"]
        process = subprocess.Popen(argv, executable=executable, cwd=folder, pass_fds=(handle,))
        os.close(handle)
        running.append(process)
        return process.pid

    yield start
    for process in running:
        process.kill()
        process.wait()


def found_in(folder: Path) -> set[int]:
    return {found.pid for found in leftovers(folder)}


def test_agents_are_found_by_name_or_by_being_executed_from_memory(
    started: Started, tmp_path: Path
) -> None:
    agents = tmp_path / "agents"
    by_name = started("agent-1", agents / "1")
    by_program = started("bash", agents / "2", from_memory=True)
    started("bash", agents / "3")
    started("agent-4", tmp_path / "elsewhere", from_memory=True)
    assert found_in(agents) == {by_name, by_program}
    assert found_in(agents / "2") == {by_program}
