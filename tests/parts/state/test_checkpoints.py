"""The log of the registry is brought in beside the writer; nothing is lost, and it stays short."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state import checkpoints
from evolve_ai.state.copies import Copies, damage
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.state.rescue import put_back

KIB = 1024
EACH = 20  # events of a commit, 50 KiB of a log

# Commits as long as it lives, and tells of each commit and of each checkpoint that begins.
WRITER = """
import os, sys
from pathlib import Path
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state import checkpoints
from evolve_ai.state.registry import Batch, Registry

class Told:
    def __init__(self, connection):
        self._connection = connection

    def execute(self, statement):
        os.write(1, b"begun\\n")
        return self._connection.execute(statement)

checkpoints.LONG, checkpoints.LONGEST = int(sys.argv[2]), int(sys.argv[3])
registry = Registry.create(Path(sys.argv[1]))
registry._checkpoints._connection = Told(registry._checkpoints._connection)
for number in range(1, 10**6):
    events = [Event(Kind.COMMAND, number, None, {"text": "x" * 2000})] * 20
    registry.commit(Batch(state=RunState(places=number), events=events), "run")
    os.write(1, f"{number}\\n".encode())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are long as soon as a few commits stand in them."""
    monkeypatch.setattr(checkpoints, "LONG", 200 * KIB)
    monkeypatch.setattr(checkpoints, "LONGEST", 1000 * KIB)
    monkeypatch.setattr(checkpoints, "_PAUSE", 0.0)


@pytest.fixture
def open_registry(path: Path, short: None) -> Iterator[Registry]:
    with Registry.create(path) as registry:
        yield registry


def commit(registry: Registry, number: int = 1) -> int:
    """Bytes of the log after it."""
    events = [Event(Kind.COMMAND, number, None, {"text": "x" * 2000})] * EACH
    registry.commit(Batch(state=RunState(places=number), events=events), "run")
    return registry.path.with_name(f"{registry.path.name}-wal").stat().st_size


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "checkpoints"]


@pytest.mark.parametrize(("long", "longest"), [(1, 10**12), (10**6, 10**12), (1, 1)])
@pytest.mark.parametrize("nth", [1, 2, 5])
def test_kill_in_a_checkpoint_loses_nothing(path: Path, long: int, longest: int, nth: int) -> None:
    """Beside commits as often as can be, now and then, and by the writer itself."""
    argv = [sys.executable, "-c", WRITER, path, str(long), str(longest)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = []
        for line in writer.stdout:
            told.append(line.strip())
            if told.count("begun") == nth:
                writer.send_signal(signal.SIGKILL)
                break
        told += [line.strip() for line in writer.stdout]
    committed = max([int(line) for line in told if line.isdigit()], default=0)
    assert damage(path) is None
    with Registry.create(path) as registry:
        known = registry.state.places
        assert known in (committed, committed + 1)
        assert len(list(registry.events_after(0))) == registry.last_seq() == known * EACH


def test_log_begins_anew_beside_a_writer(open_registry: Registry) -> None:
    lengths = [commit(open_registry, number) for number in range(200)]
    assert max(lengths) < checkpoints.LONGEST + 200 * KIB
    assert lengths != sorted(lengths)
    assert open_registry.check() == "ok"


def test_log_stays_short_while_others_come_and_look(open_registry: Registry) -> None:
    commit(open_registry)
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            with Registry.read(open_registry.path) as reader:
                assert reader.state.places

    onlookers = [threading.Thread(target=look) for _ in range(2)]
    for onlooker in onlookers:
        onlooker.start()
    lengths = [commit(open_registry, number) for number in range(1, 200)]
    over.set()
    for onlooker in onlookers:
        onlooker.join()
    assert max(lengths) < checkpoints.LONGEST + 200 * KIB


def test_log_is_kept_for_who_reads_an_old_state_and_not_longer(open_registry: Registry) -> None:
    """SQLite has no other place for what came after that state; so it is brought in afterwards."""
    commit(open_registry, 1)
    with closing(sqlite3.connect(open_registry.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        places = "SELECT places FROM run_state"
        assert reader.execute(places).fetchone() == (1,)
        lengths = [commit(open_registry, number) for number in range(2, 20)]
        assert lengths == sorted(lengths)
        assert reader.execute(places).fetchone() == (1,)
        reader.execute("COMMIT")
    commit(open_registry)  # brings it in, and the next one begins anew
    assert commit(open_registry) < checkpoints.LONG


def test_writer_waits_in_vain_for_who_reads_an_old_state_once_in_a_while(
    path: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_PAUSE", 3600.0)
    with Registry.create(path) as registry, closing(sqlite3.connect(path)) as reader:
        commit(registry)
        reader.execute("BEGIN")
        reader.execute("SELECT places FROM run_state").fetchall()
        waits: list[str] = []
        checkpoint = registry._checkpoints._checkpoint  # type: ignore[union-attr]

        def told(how: str) -> bool:
            waits.append(how)
            return checkpoint(how)

        monkeypatch.setattr(registry._checkpoints, "_checkpoint", told)
        while commit(registry) < 2 * checkpoints.LONGEST:
            pass
        assert waits.count("RESTART") == 1


def test_thread_that_the_machine_refuses_is_no_failure_of_a_commit(
    path: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer brings the log in by itself, and what was committed is told."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Registry.create(path) as registry:
        lengths = [commit(registry, number) for number in range(1, 60)]
        assert registry.state.places == 59
        assert max(lengths) < checkpoints.LONGEST + 200 * KIB
    assert registry.path.exists()


def test_close_ends_the_thread_and_leaves_one_file(path: Path, short: None) -> None:
    with Registry.create(path) as registry:
        assert threads() == []
        while commit(registry) < checkpoints.LONG:
            assert threads() == []
        assert threads() == ["checkpoints"]
        commit(registry, 7)
    assert threads() == []
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with Registry.read(path) as registry:
        assert registry.state.places == 7


def test_checkpoint_that_fails_is_no_failure_of_a_commit(open_registry: Registry) -> None:
    assert open_registry._checkpoints is not None
    open_registry._checkpoints._connection.close()
    for number in range(30):
        commit(open_registry, number)
    assert open_registry.state.places == 29


def test_registry_that_is_put_back_or_copied_has_its_log_brought_in(
    open_registry: Registry,
) -> None:
    path = open_registry.path
    lengths = [commit(open_registry, number) for number in range(1, 20)]
    assert Copies(path).make(open_registry) == ()
    path.unlink()
    assert put_back(open_registry) != ()
    lengths = [commit(open_registry, number) for number in range(20, 220)]
    assert max(lengths) < checkpoints.LONGEST + 200 * KIB
    assert threads() == ["checkpoints"]
    open_registry.close()
    assert damage(path) is None
    assert not path.with_name(f"{path.name}-wal").exists()
    with Registry.read(path) as reader:
        assert reader.last_seq() == 219 * EACH
