"""Deadlines, and what becomes of them when this very process is stopped for a while."""

import os
import signal
import subprocess
import time
from pathlib import Path

from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.patience import STEP, Gaps, Patience

AWAY = 4.0  # seconds; more than any deadline here, and than a gap


def stand_still(seconds: float) -> None:
    """Stop this process, as SIGSTOP or a suspended machine does, and go on after so long."""
    script = f"kill -STOP {os.getpid()}; sleep {seconds}; kill -CONT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as stopper:
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            time.sleep(0.05)
        stopper.wait()


def test_time_that_passes_is_no_gap() -> None:
    gaps = Gaps()
    for _ in range(3):
        time.sleep(STEP)
        assert not gaps.met()


def test_deadline_begins_anew_after_a_gap() -> None:
    patience = Patience(2.0)
    stand_still(AWAY)
    assert patience.left > 1.5
    assert 0.0 < patience.step <= STEP


def test_deadline_that_is_over_is_over() -> None:
    patience = Patience(0.3)
    while patience.left > 0:
        time.sleep(patience.step)
    assert patience.left <= 0
    assert patience.step == 0.0
    patience.renew()
    assert patience.left > 0.2


def test_busy_process_is_not_taken_for_one_that_stood_still() -> None:
    patience = Patience(1.0)
    begun = time.process_time()
    while time.process_time() - begun < 2.5:
        pass
    assert patience.left <= 0


def test_command_that_stood_still_with_us_is_not_too_late(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = (
        f"echo $$ > {mark}; (sleep 0.3; kill -STOP {os.getpid()} $$; sleep {AWAY}; "
        f"kill -CONT {os.getpid()}; sleep 0.5; kill -CONT $$) & wait; echo done"
    )
    limits = Limits(total=3.0, silence=3.0)
    done = run_command(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ), limits=limits)
    assert (done.ending, done.stdout) == (Ending.EXITED, b"done\n")
    assert done.seconds > AWAY


def test_command_that_stands_still_alone_is_too_late(tmp_path: Path) -> None:
    limits = Limits(total=1.0, silence=1.0, grace=0.2)
    done = run_command(
        ["sh", "-c", "kill -STOP $$"], cwd=tmp_path, env=dict(os.environ), limits=limits
    )
    assert done.ending in (Ending.TOTAL_TIMEOUT, Ending.SILENCE_TIMEOUT)
    assert done.code == -signal.SIGKILL
