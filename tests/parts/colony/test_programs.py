"""Programs as they are handed to a keeper: what was looked at is what runs."""

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of
from keeper_support import Nursery, eventually, told

from evolve_ai.colony.colony import Colony
from evolve_ai.colony.keeper import ProcessRefused, ProcessStarted
from evolve_ai.colony.programs import NotAsSignedError, Programs, program_of
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Started
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import AgentBox
from evolve_ai.system.leftovers import leftovers


@pytest.fixture
def sleeper(tmp_path: Path) -> Path:
    return Path(shutil.copy("/bin/sleep", tmp_path / "sleeper"))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_bytes_that_were_looked_at_cannot_be_changed(sleeper: Path, nothing_left: None) -> None:
    held = Programs().hold(Program(sleeper))
    assert held.name == sha256(sleeper)
    for deed in (
        lambda: os.pwrite(held.handle, b"x", 0),
        lambda: os.ftruncate(held.handle, 0),
        lambda: os.ftruncate(held.handle, 1 << 30),
    ):
        with pytest.raises(PermissionError):
            deed()
    copy = os.open(f"/proc/self/fd/{held.handle}", os.O_RDWR)
    with pytest.raises(PermissionError):
        os.pwrite(copy, b"x", 0)
    os.close(copy)


def test_file_is_looked_at_once_until_it_is_changed(sleeper: Path) -> None:
    programs = Programs()
    first = programs.hold(Program(sleeper))
    assert programs.hold(Program(sleeper)) is first
    sleeper.write_bytes(b"another")
    assert programs.hold(Program(sleeper)).name != first.name


def test_file_that_was_signed_is_what_was_signed(sleeper: Path) -> None:
    programs = Programs()
    signed = Program(sleeper, sha256=sha256(sleeper))
    other = Program(sleeper, sha256="0" * 64)
    with pytest.raises(NotAsSignedError, match="is not what was signed: its SHA-256 is"):
        programs.hold(other)
    held = programs.hold(signed)
    sleeper.write_bytes(b"another")
    assert programs.hold(signed) is held, "the bytes that were signed are there still"


@pytest.mark.parametrize(
    ("spoil", "number"),
    [
        (Path.unlink, errno.ENOENT),
        (lambda file: file.chmod(0o644), errno.EACCES),
        (lambda file: (file.unlink(), file.mkdir()), errno.EACCES),
        (lambda file: (file.unlink(), os.mkfifo(file, 0o755)), errno.EACCES),
    ],
)
def test_what_is_no_program_is_refused(sleeper: Path, spoil, number) -> None:
    spoil(sleeper)
    with pytest.raises(OSError) as refused:
        Programs().hold(Program(sleeper))
    assert refused.value.errno == number


def test_many_programs_are_not_all_held(tmp_path: Path, nothing_left: None) -> None:
    programs = Programs()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(100):
        file = tmp_path / str(number)
        file.write_bytes(b"%d" % number)
        file.chmod(0o755)
        programs.hold(Program(file))
    assert len(os.listdir("/proc/self/fd")) - before == 64  # noqa: PTH208
    programs.close()


def test_process_tells_the_file_it_was_started_from(nursery: Nursery, sleeper: Path) -> None:
    keeper = nursery.open()
    keeper.spawn(nursery.launch("a", file=str(sleeper)))
    (started,) = told(keeper, 1)
    assert isinstance(started, ProcessStarted)
    assert program_of(started.identity.pid) == sleeper
    assert program_of(os.getpid()) == Path("/proc/self/exe").readlink()


def test_keeper_is_handed_each_program_once_and_forgets_old_ones(
    nursery: Nursery, tmp_path: Path
) -> None:
    keeper = nursery.open()
    programs = []
    for number in range(70):
        file = Path(shutil.copy("/bin/true", tmp_path / f"true-{number}"))
        with file.open("ab") as end:
            end.write(b"%d" % number)
        programs.append(str(file))
    for number, file in enumerate([*programs, *programs[:3]]):
        keeper.spawn(nursery.launch(f"a{number}", file=file))
    heard = told(keeper, 146, 30)  # each is started and ends
    assert not [one for one in heard if isinstance(one, ProcessRefused)]
    held = Path(f"/proc/{keeper.identity.pid}/fd")
    assert eventually(lambda: sum("memfd" in str(fd.readlink()) for fd in held.iterdir()) == 64)


def test_changed_program_is_no_start_and_the_next_keeper_gets_it_anew(
    tmp_path: Path, nothing_left: None, keeper: Path
) -> None:
    shell = Path(shutil.copy("/bin/sh", tmp_path / "shell"))
    arguments = fake("well_behaved").arguments
    good = Program(shell, arguments, sha256(shell))
    bad = Program(shell, arguments, "f" * 64)
    with Colony(tmp_path / "c", keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK) as colony:
        fault = colony.start([start_of(tmp_path, "a", bad)])["a"]
        assert isinstance(fault, Fault)
        assert fault.cause is Cause.SIGNATURE
        assert isinstance(colony.start([start_of(tmp_path, "b", good)])["b"], Started)
        os.kill(colony.keeper.pid, 9)
        assert isinstance(colony.start([start_of(tmp_path, "c", good)])["c"], Started)
        assert set(colony.running()) == {"b", "c"}


# Where nothing is executed from memory.


def test_file_without_a_name_holds_what_was_verified(
    sleeper: Path, tmp_path: Path, nothing_left: None
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    programs = Programs(place)
    assert programs.leave_memory()
    assert not programs.leave_memory(), "it is done already"
    held = programs.hold(Program(sleeper, sha256=sha256(sleeper)))
    assert held.name == f"{sha256(sleeper)}.file"
    assert list(place.iterdir()) == [], "nobody finds it by a name"
    with pytest.raises(OSError):
        os.pwrite(held.handle, b"x", 0)
    with pytest.raises(OSError):  # nor can it get one
        os.link(f"/proc/self/fd/{held.handle}", place / "named", follow_symlinks=True)
    sleeper.write_bytes(b"another")
    assert os.pread(held.handle, 4, 0) == b"\x7fELF"
    with pytest.raises(NotAsSignedError):
        programs.hold(Program(sleeper, sha256="0" * 64))
    programs.close()


def test_program_in_a_file_without_a_name_runs_in_its_box_and_is_taken_for_an_agent(
    nursery: Nursery, sleeper: Path
) -> None:
    nursery._programs = Programs(nursery.agents.parent)
    nursery._programs.leave_memory()
    keeper = nursery.open()
    home = nursery.agents
    (home / "state").mkdir()
    libraries = tuple(map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")))
    box = AgentBox(libraries=libraries).of(home)
    keeper.spawn(nursery.launch("a", file=str(sleeper), box=box))
    (started,) = told(keeper, 1)
    assert isinstance(started, ProcessStarted), started
    program = Path(f"/proc/{started.identity.pid}/exe").readlink()
    assert program.name.startswith("#")
    assert program.name.endswith("(deleted)")
    assert started.identity in set(leftovers(home))
