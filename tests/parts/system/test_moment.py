"""Tests of when an unchanged time proves that a file is unchanged."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from project_support import wait_until

from evolve_ai.system.moment import Moment, are_ticks


@pytest.mark.parametrize("ago", [2.1, 60.0, 1e9])
def test_what_was_changed_long_ago_is_settled(ago: float) -> None:
    assert Moment().are_proof(time.time_ns() - int(ago * 1e9))


@pytest.mark.parametrize("ago", [0.0, 0.9, 1.5, -1e6])
def test_what_was_changed_just_now_or_in_the_future_is_not(ago: float) -> None:
    young = time.time_ns() - int(ago * 1e9)
    assert not Moment().are_proof(young)
    assert not Moment().are_proof(1, young)


def test_moment_is_when_the_look_began() -> None:
    """A file that is changed after it must not seem old because the look took long."""
    moment = Moment()
    assert not moment.are_proof(time.time_ns() - 1_900_000_000)


def test_where_times_are_ticks_no_later_change_has_a_time_that_was_proof(tmp_path: Path) -> None:
    """Two changes in a tick may have equal times, and a moment in that tick says so."""
    if not are_ticks(tmp_path):
        pytest.skip("files here get their times from another clock")
    assert list(tmp_path.iterdir()) == []
    path, proofs = tmp_path / "file", 0
    deadline = time.monotonic() + 30
    while proofs < 50:
        assert time.monotonic() < deadline, "no time ever becomes a proof"
        path.write_bytes(b"1")
        moment, seen = Moment(ticking=True), path.stat().st_ctime_ns
        path.write_bytes(b"2")
        assert not moment.are_proof(seen) or path.stat().st_ctime_ns != seen
        time.sleep(0.001)
        proofs += Moment(ticking=True).are_proof(path.stat().st_ctime_ns)


def test_what_was_changed_a_tick_ago_is_settled_where_times_are_ticks() -> None:
    now = time.time_ns()
    assert not Moment(ticking=True).are_proof(now)
    wait_until(lambda: Moment(ticking=True).are_proof(now), "a tick", every=0.001)
    assert not Moment().are_proof(now)


@pytest.mark.parametrize("step", [1_000_000, 1_000_000_000])
def test_times_in_steps_of_a_file_system_are_no_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    look = os.fstat

    def stepping(handle: int) -> SimpleNamespace:
        seen = look(handle).st_ctime_ns
        return SimpleNamespace(st_ctime_ns=seen - seen % step)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", stepping)
        found = are_ticks(tmp_path)
    assert not found


def test_times_of_another_machine_or_of_no_folder_are_no_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not are_ticks(tmp_path / "nowhere")
    look, ahead = os.fstat, 10_000_000_000

    def in_advance(handle: int) -> SimpleNamespace:
        return SimpleNamespace(st_ctime_ns=look(handle).st_ctime_ns + ahead)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", in_advance)
        found = are_ticks(tmp_path)
    assert not found
