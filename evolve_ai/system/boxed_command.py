"""Runs a command in a box, and takes only the box's word for how both ended.

The box writes to its own pipe (evolve_ai/keeper/src/status.rs): `begun` PID, `failed` REASON,
`limit` REASON, `ended` `exit`|`signal` NUMBER, each on a line, separated by tabs.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from evolve_ai.model.errors import LeftBehindError
from evolve_ai.system.commands import Completed, Ending, Limits, has_ended, run_command
from evolve_ai.system.patience import Patience

WATCHER_SECONDS = 30.0  # for a watcher to end all its processes; then we do it
OUTSIDE_SECONDS = 15.0  # for us to end them
_PAUSE = 0.02
_MOST = 1 << 16  # bytes; a box writes four short lines


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a box reports of itself; "" where there is nothing to report.

    `failed`: why it could not be made. `limit`: which limit was exceeded. `lost`: its watchers were
    killed from outside, and their report is lost.
    """

    failed: str = ""
    limit: str = ""
    lost: bool = False


def run_boxed(
    argv_of: Callable[[int], Sequence[str]],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limits: Limits,
    on_line: Callable[[bytes], None] | None = None,
) -> tuple[Completed, Verdict]:
    """Run to the end or to a limit; when this returns, no process of the command is left.

    `argv_of` makes the command line from the descriptor on which the box is to report. The code is
    that of the command itself, even in nested boxes; it is negative for a signal.

    Raises what run_command does, and LeftBehindError when a process cannot be ended.
    """
    ours, theirs = os.pipe()
    try:
        os.set_blocking(ours, False)
        try:
            done = run_command(
                argv_of(theirs),
                cwd=cwd,
                env=env,
                limits=limits,
                on_line=on_line,
                handles=(theirs,),
                end=end_watched,
            )
        finally:
            os.close(theirs)
        return _judged(done, _heard(ours))
    finally:
        os.close(ours)


def _heard(handle: int) -> Mapping[str, Sequence[str]]:
    """The lines of a report, by their first words."""
    told = b""
    with suppress(BlockingIOError):
        while len(told) < _MOST and (more := os.read(handle, _MOST)):
            told += more
    lines = [line.split("\t") for line in told.decode("utf-8", "replace").splitlines()]
    return {line[0]: line[1:] for line in lines}


def _judged(done: Completed, told: Mapping[str, Sequence[str]]) -> tuple[Completed, Verdict]:
    if "ended" in told:
        kind, number = told["ended"]
        code = -int(number) if kind == "signal" else int(number)
        if done.ending is Ending.EXITED:
            done = replace(done, code=code)
        return done, Verdict(limit="".join(told.get("limit", ())))
    if "failed" in told:
        return done, Verdict(failed="".join(told["failed"]))
    if "begun" in told:
        # No watcher was left to report, or to end the others; they form one process group.
        _end_group(int(told["begun"][0]))
        return done, Verdict(lost=done.ending is Ending.EXITED)
    return done, Verdict(failed=_last_words(done) if done.ending is Ending.EXITED else "")


def _last_words(done: Completed) -> str:
    """The error of the program around a box that has never begun: only that can have written."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with {done.code} before the box was made"


def _end_group(group: int) -> None:
    patience = Patience(OUTSIDE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        while patience.left > 0:
            os.killpg(group, signal.SIGKILL)
            time.sleep(_PAUSE)
        raise _left_behind(f"processes of group {group}")


def end_watched(process: "subprocess.Popen[bytes]", grace: float) -> None:
    """End a watcher, which first ends all that it watches. If it does not, its processes are ended
    first and the watcher last. LeftBehindError when a process lives on."""
    for number in (signal.SIGTERM, signal.SIGCONT):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    if has_ended(process, grace + WATCHER_SECONDS):
        return
    _end_tree(psutil.Process(process.pid))
    if not has_ended(process, OUTSIDE_SECONDS):
        raise _left_behind(f"process {process.pid}")


def _end_tree(root: psutil.Process) -> None:
    """End all processes below `root`, which adopts orphans and so must live until they are gone."""
    patience = Patience(OUTSIDE_SECONDS)
    while below := _living_below(root):
        if patience.left <= 0:
            pids = ", ".join(str(one.pid) for one in below[:5])
            raise _left_behind(f"{len(below)} processes ({pids}, ...)")
        for one in below:
            with suppress(psutil.Error):
                one.kill()
        time.sleep(_PAUSE)
    with suppress(psutil.Error):
        root.kill()


def _living_below(root: psutil.Process) -> list[psutil.Process]:
    found = []
    with suppress(psutil.Error):
        for one in root.children(recursive=True):
            with suppress(psutil.Error):
                if one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
    return found


def _left_behind(who: str) -> LeftBehindError:
    return LeftBehindError(
        f"{who} of a command that was ended cannot be ended",
        todo="see what they wait for (a disk?), then run again",
    )
