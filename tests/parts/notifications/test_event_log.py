"""The event log: nothing missing, nothing twice, whatever happened to the file."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notifications_support import events, recorded

from evolve_ai.model.errors import StorageError
from evolve_ai.model.event import Recorded
from evolve_ai.notifications import event_log
from evolve_ai.notifications.event_log import EventLog

ROOMY = 1 << 20


def _seqs(*paths: Path) -> list[int]:
    return [json.loads(line)["seq"] for path in paths for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "events.jsonl"


def test_line_is_the_documented_object(path: Path) -> None:
    EventLog(path, ROOMY, 3).deliver([recorded(1, parents=["a"], place=Path("/x"))])
    assert json.loads(path.read_text()) == {
        "seq": 1,
        "ts": "2026-01-01T00:00:00Z",
        "run": "run-1",
        "cycle": 0,
        "event": "birth",
        "agent": "agent-1",
        "parents": ["a"],
        "place": "/x",
    }


def test_event_delivered_twice_is_written_once(path: Path) -> None:
    log = EventLog(path, ROOMY, 3)
    log.deliver(events(1, 5))
    log.deliver(events(3, 7))
    assert _seqs(path) == [1, 2, 3, 4, 5, 6, 7]


def test_new_log_goes_on_where_the_old_one_stopped(path: Path) -> None:
    EventLog(path, ROOMY, 3).deliver(events(1, 5))
    log = EventLog(path, ROOMY, 3)
    assert log.last_seq() == 5
    log.deliver(events(4, 8))
    assert _seqs(path) == list(range(1, 9))


@pytest.mark.parametrize("torn", [b'{"seq": 6, "ts"', b"\0" * 300, b'{"seq": "x"}\n', b"\n\n"])
def test_torn_end_is_cut_off(path: Path, torn: bytes) -> None:
    EventLog(path, ROOMY, 3).deliver(events(1, 5))
    with path.open("ab") as file:
        file.write(torn)
    log = EventLog(path, ROOMY, 3)
    assert log.last_seq() == 5
    log.deliver(events(6, 6))
    assert _seqs(path) == [1, 2, 3, 4, 5, 6]


def test_torn_first_line_leaves_an_empty_log(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"seq": 1')
    assert EventLog(path, ROOMY, 3).last_seq() == 0
    assert path.read_bytes() == b""


def test_file_that_is_no_event_log_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my notes\n")
    with pytest.raises(StorageError, match="move this file"):
        EventLog(path, ROOMY, 3).deliver(events(1, 2))
    assert path.read_text() == "my notes\n"


def test_line_longer_than_a_block_is_found_again(path: Path) -> None:
    EventLog(path, ROOMY, 3).deliver([recorded(1), recorded(2, text="x" * 300_000)])
    assert EventLog(path, ROOMY, 3).last_seq() == 2


def test_gap_is_filled_from_what_was_committed(path: Path) -> None:
    committed = events(1, 9)
    log = EventLog(path, ROOMY, 3, lambda seq: committed[seq:])
    log.deliver(committed[:2])
    log.deliver(committed[6:])
    assert _seqs(path) == list(range(1, 10))


def test_rotation_keeps_order_and_the_newest_files(path: Path) -> None:
    line = len(json.dumps(recorded(10).line())) + 1
    log = EventLog(path, 3 * line, 2)
    log.deliver(events(10, 18))
    log.deliver(events(19, 20))
    rotated = [path.with_name("events.jsonl.2"), path.with_name("events.jsonl.1"), path]
    assert _seqs(*rotated) == list(range(13, 21))
    assert set(path.parent.iterdir()) == set(rotated)
    assert all(file.stat().st_size <= 3 * line for file in rotated)


def test_crash_right_after_rotation_loses_the_place_of_nothing(path: Path) -> None:
    EventLog(path, ROOMY, 2).deliver(events(1, 4))
    path.rename(path.with_name("events.jsonl.1"))
    log = EventLog(path, ROOMY, 2)
    assert log.last_seq() == 4
    log.deliver(events(3, 6))
    assert _seqs(path) == [5, 6]


def test_log_moved_away_by_hand_goes_on_in_a_new_file(path: Path) -> None:
    log = EventLog(path, ROOMY, 2)
    log.deliver(events(1, 2))
    path.rename(path.with_name("elsewhere"))
    log.deliver(events(3, 4))
    assert _seqs(path) == [3, 4]


FULL_DISK = """
import resource, signal, sys
from collections.abc import Callable
from pathlib import Path
sys.path.insert(0, {tests!r})
from notifications_support import events
from evolve_ai.model.errors import StorageError
from evolve_ai.model.event import Recorded
from evolve_ai.notifications import event_log
from evolve_ai.notifications.event_log import EventLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({path!r})
committed = events(1, 200)
log = EventLog(path, 1 << 20, 3, lambda seq: committed[seq:])
log.deliver(committed[:10])
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
try:
    log.deliver(committed[10:20])
    raise AssertionError("it was written")
except StorageError:
    assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.deliver(committed[20:])
"""


def test_refused_write_leaves_no_torn_line_and_is_made_up_for(path: Path) -> None:
    room = Path(__file__).parents[2] / "notifications"
    script = FULL_DISK.format(tests=str(room), path=str(path))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert _seqs(path) == list(range(1, 201))


def test_full_disk_is_named() -> None:
    with pytest.raises(StorageError, match="full"):
        EventLog(Path("/dev/full"), ROOMY, 1).deliver(events(1, 2))


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 60), max_size=6),
    torn=st.integers(0, 80),
    size=st.integers(200, 2000),
)
def test_log_is_whole_after_any_crash(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], torn: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    committed = events(1, 60)
    for cut in sorted(cuts):
        EventLog(path, size, 100, lambda seq: committed[seq:]).deliver(committed[:cut])
        if path.exists() and torn:
            os.truncate(path, max(0, path.stat().st_size - torn))
    EventLog(path, size, 100, lambda seq: committed[seq:]).deliver(committed[-1:])
    files = [path.with_name(f"{path.name}.{n}") for n in range(100, 0, -1)]
    assert _seqs(*(file for file in [*files, path] if file.exists())) == list(range(1, 61))


def kept(path: Path, committed: list[Recorded]) -> EventLog:
    """A log that notes apart from itself what was delivered."""
    return EventLog(path, 6000, 100, lambda seq: committed[seq:], path.parent.parent / "mark")


TAKEN: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
    "removed with all that was rotated": lambda path: [p.unlink() for p in path.parent.iterdir()],
    "removed with its folder": lambda path: shutil.rmtree(path.parent),
    "moved by a rotation of the user's": lambda path: path.rename(path.with_suffix(".old")),
}


@pytest.mark.parametrize("taken", TAKEN)
def test_log_that_was_taken_away_is_not_written_again(path: Path, taken: str) -> None:
    committed = events(1, 60)
    log = kept(path, committed)
    for at in range(0, 50, 10):  # in several files
        log.deliver(committed[at : at + 10])
    log.close()
    TAKEN[taken](path)
    again = kept(path, committed)
    assert again.last_seq() == 50
    again.deliver(committed[50:])
    assert _seqs(path) == list(range(51, 61))


def test_log_that_lost_its_end_gets_it_again(path: Path) -> None:
    """As after a power cut; the note says more than the file holds."""
    committed = events(1, 6)
    log = kept(path, committed)
    log.deliver(committed[:5])
    log.close()
    os.truncate(path, path.stat().st_size // 2)
    kept(path, committed).deliver(committed[5:])
    assert _seqs(path) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("note", [b"", b"\0\0\0", b"-3\n", b"999 events\n", b"\xff"])
def test_note_that_is_no_number_counts_for_nothing(path: Path, note: bytes) -> None:
    committed = events(1, 6)
    log = kept(path, committed)
    log.deliver(committed[:5])
    log.close()
    (path.parent.parent / "mark").write_bytes(note)
    kept(path, committed).deliver(committed[5:])
    assert _seqs(path) == [1, 2, 3, 4, 5, 6]


def test_note_is_made_while_a_long_run_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should it be killed, and the log be emptied then, little is written again."""
    monkeypatch.setattr(event_log, "MARK_SECONDS", 0.0)
    kept(path, []).deliver(events(1, 5))
    assert (path.parent.parent / "mark").read_text() == "5\n"


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ckt")), max_size=8))
def test_nothing_is_missing_or_doubled_wherever_it_is_killed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    """Runs that are closed (c), killed (k), or killed in the middle of a line (t)."""
    path = tmp_path_factory.mktemp("log") / "logs" / "events.jsonl"
    committed, done = events(1, 100), 0
    for count, how in steps:
        done += count
        log = kept(path, committed[:done])
        log.deliver(committed[done - count : done])
        if how == "c":
            log.close()
        if how == "t":
            os.truncate(path, path.stat().st_size - 3)
    kept(path, committed).deliver(committed[-1:])
    files = [path.with_name(f"{path.name}.{n}") for n in range(100, 0, -1)]
    assert _seqs(*(file for file in [*files, path] if file.exists())) == list(range(1, 101))
