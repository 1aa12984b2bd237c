"""Owns what tests see of this machine: who works in a folder, whether there are namespaces."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest


def standing_in(folder: Path) -> list[psutil.Process]:
    """Whoever has this very folder as its own; no zombies."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder:
                found.append(process)
    return found


def working_in(folder: Path) -> list[psutil.Process]:
    """Processes whose working folder lies here, or that were started for one here, zombies
    excepted."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            places = (process.cwd(), process.environ().get("EVOLVE_WORKS_FOR", ""))
            if any(f"{place}/".startswith(f"{folder.resolve()}/") for place in places):
                found.append(process)
    return found


def first_word(process: psutil.Process) -> str:
    """What a process calls itself; nothing of one that has just ended."""
    with suppress(psutil.Error, IndexError):
        return process.cmdline()[0]
    return ""


def skip_without_namespaces(words: Sequence[str]) -> None:
    """Aloud, where bubblewrap cannot start a command after these words: in most containers, say."""
    try:
        done = subprocess.run([*words, "/bin/true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("bubblewrap is not installed")
    if done.returncode:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
