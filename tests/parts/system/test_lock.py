"""The lock of a project, held by real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evolve_ai.model.errors import EXIT_HELD, HeldError
from evolve_ai.system.identity import identify
from evolve_ai.system.lock import Lock, holder

HOLD = """
import sys, time
from pathlib import Path
from evolve_ai.system.identity import identify
from evolve_ai.system.lock import Lock
lock = Lock(Path(sys.argv[1]))
print(1, flush=True)
time.sleep(99)
"""


@pytest.fixture
def other_process(tmp_path, nothing_left):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_second_holder_is_refused_and_told_who_the_first_is(tmp_path, other_process):
    with pytest.raises(HeldError, match=f"held by process {other_process.pid} since 20") as caught:
        Lock(tmp_path)
    assert caught.value.exit_code == EXIT_HELD
    found = holder(tmp_path)
    assert found is not None
    assert found.identity.pid == other_process.pid


def test_lock_of_a_killed_process_is_no_obstacle(tmp_path, other_process):
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        assert holder(tmp_path) is not None


def test_released_lock_has_no_holder(tmp_path, nothing_left):
    with Lock(tmp_path) as lock:
        with pytest.raises(HeldError):
            Lock(tmp_path)
        lock.release()
        assert holder(tmp_path) is None
        with Lock(tmp_path):
            pass
    assert holder(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": -1}', b'{"pid": "x"}', b"\xff"])
def test_unreadable_lock_file_has_no_holder_and_is_no_obstacle(tmp_path, content):
    (tmp_path / "lock").write_bytes(content)
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        found = holder(tmp_path)
        assert found is not None


def test_project_without_a_lock_file_has_no_holder(tmp_path):
    assert holder(tmp_path) is None


def elsewhere(tmp_path):
    """The file as a holder in a container signs it: pid 1 there is another process here."""
    body = {**identify(1).to_map(), "since": "2026-01-01T00:00:00+00:00", "purpose": "life-cycle"}
    body |= {"pid": 4_000_000, "pid_namespace": "pid:[4026539999]"}
    (tmp_path / "lock").write_text(json.dumps(body))


def test_holder_in_another_pid_namespace_is_told_without_a_pid(tmp_path, other_process):
    elsewhere(tmp_path)
    found = holder(tmp_path)
    assert found is not None, "the kernel says that somebody holds it, whatever its pid is here"
    assert found.pid is None
    assert "another pid namespace" in found.brief
    with pytest.raises(HeldError, match=r"another pid namespace .*life-cycle\) since 2026") as told:
        Lock(tmp_path)
    assert "4000000" not in str(told.value)


def test_lock_left_behind_in_another_pid_namespace_is_free(tmp_path):
    elsewhere(tmp_path)
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        assert holder(tmp_path).pid == os.getpid()


@pytest.mark.parametrize("left", [None, "", '{"pid": -1}'], ids=["no file", "empty", "another's"])
def test_lock_holds_and_names_its_holder_though_its_file_was_removed(tmp_path, other_process, left):
    (tmp_path / "lock").unlink()
    if left is not None:
        (tmp_path / "lock").write_text(left)
    with pytest.raises(HeldError, match=f"held by process {other_process.pid}, whose lock file"):
        Lock(tmp_path)
    found = holder(tmp_path)
    assert found is not None
    assert found.identity == identify(other_process.pid)
    other_process.kill()
    other_process.wait()
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        assert holder(tmp_path).pid == os.getpid()
    assert holder(tmp_path) is None


def test_lock_whose_file_was_removed_is_released(tmp_path, nothing_left):
    with Lock(tmp_path):
        (tmp_path / "lock").unlink()
    with Lock(tmp_path):
        assert holder(tmp_path).pid == os.getpid()


def test_refused_lock_leaves_nothing_open(tmp_path, other_process):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(HeldError):
            Lock(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_forked_child_keeps_no_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    (told, tells), (ends, end) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end)
        os.write(tells, b"here")
        os.read(ends, 1)
        os._exit(0)
    try:
        os.read(told, 1)
        lock.release()
        Lock(tmp_path).release()
    finally:
        for handle in (told, tells, ends, end):
            os.close(handle)
        os.waitpid(pid, 0)
