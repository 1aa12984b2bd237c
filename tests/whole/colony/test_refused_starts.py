"""Starts that did not come about: which are an agent's own fault, and which the machine's."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, no_world, start_of

from evolve_ai.colony.colony import Colony
from evolve_ai.colony.programs import NoMemoryFileError, NotAsSignedError
from evolve_ai.colony.refusals import judged, judged_step
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Refused
from evolve_ai.model.frame import FrameError
from evolve_ai.model.report import Program

FOLDER = Path("/project/agents/a1")
PASSING = ("EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOSPC", "EDQUOT", "ETXTBSY", "EINTR", "EBUSY")
LASTING = ("EPERM", "EACCES", "ENOSYS", "EROFS", "ENODEV", "ENXIO", "EIO", "ELIBBAD", "E2BIG")
STEPS = (
    "start",
    "journal",
    "session",
    "pipes",
    "limits",
    "program",
    "signals",
    "Landlock",
    "seccomp",
)


def text(step: str, code: int) -> str:
    return f"{step}: {os.strerror(code)} (os error {code})"


@pytest.mark.parametrize("step", [*STEPS, "execute", "agent.log", ""])
@pytest.mark.parametrize("name", PASSING)
def test_what_is_short_passes_and_says_what_gives_more(step: str, name: str) -> None:
    code = getattr(errno, name)
    found = judged_step(code, text(step, code))
    assert isinstance(found, Refused)
    assert not found.lasting
    assert found.todo or name in ("ETXTBSY", "EINTR", "EBUSY")


@pytest.mark.parametrize("step", [*STEPS, "execute"])
@pytest.mark.parametrize("name", LASTING)
def test_whatever_else_the_machine_refuses_is_no_fault_of_an_agent(step: str, name: str) -> None:
    code = getattr(errno, name)
    found = judged_step(code, text(step, code))
    assert isinstance(found, Refused)
    assert found.lasting
    assert found.todo


def test_missing_loader_is_named() -> None:
    found = judged_step(errno.ENOENT, text("execute", errno.ENOENT))
    assert isinstance(found, Refused)
    assert "loader" in found.what
    assert "readelf -l" in str(found.todo)


@pytest.mark.parametrize("name", ["ELOOP", "EISDIR", "EINVAL", "ENOTDIR", "ENXIO", "ENOENT"])
@pytest.mark.parametrize("step", ["agent.log", "folder"])
def test_what_lies_in_the_way_in_its_own_folder_is_its_own_fault(step: str, name: str) -> None:
    code = getattr(errno, name)
    found = judged_step(code, text(step, code))
    assert isinstance(found, Fault)
    assert found.cause is Cause.SANDBOX


def test_file_that_is_no_program_is_its_own_fault() -> None:
    found = judged_step(errno.ENOEXEC, text("execute", errno.ENOEXEC))
    assert isinstance(found, Fault)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NotAsSignedError("altered"), Cause.SIGNATURE),
        (FrameError("too large"), Cause.CRASH),
        (OSError(errno.ENOTDIR, "no folder", str(FOLDER / "state")), Cause.SANDBOX),
        (OSError(errno.EISDIR, "a folder", str(FOLDER / "agent.log")), Cause.SANDBOX),
        (OSError(errno.ENOENT, "none", str(FOLDER / "state")), Cause.SANDBOX),
    ],
)
def test_faults_on_the_way_to_a_start(error: Exception, cause: Cause) -> None:
    found = judged(error, FOLDER)
    assert isinstance(found, Fault)
    assert found.cause is cause


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (NoMemoryFileError(errno.EACCES, "no"), True),
        (OSError(errno.EMFILE, "many"), False),
        (BlockingIOError(errno.EAGAIN, "its old process cannot be killed"), False),
        (OSError(errno.ENOENT, "none", "/project/workspace/store/programs/x/program"), True),
        (PermissionError(errno.EACCES, "no", "/project/workspace/colony/pipes/a1.in"), True),
        (OSError(errno.EROFS, "read-only", "/project/workspace/colony/pipes/a1.in"), True),
    ],
)
def test_refusals_on_the_way_to_a_start(error: Exception, lasting: bool) -> None:
    found = judged(error, FOLDER)
    assert isinstance(found, Refused)
    assert found.lasting is lasting


def test_program_whose_library_is_missing_is_refused_by_the_machine(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "lib.c").write_text("int gone(void) { return 1; }")
    (tmp_path / "main.c").write_text("int gone(void); int main(void) { return gone(); }")
    library, program = tmp_path / "libgone.so", tmp_path / "program"
    build = [compiler, "-shared", "-fPIC", "-o", library, tmp_path / "lib.c"]
    subprocess.run(build, check=True, capture_output=True)
    build = [compiler, "-o", program, tmp_path / "main.c", f"-L{tmp_path}", "-lgone"]
    subprocess.run(build, check=True, capture_output=True)
    library.unlink()
    start = start_of(tmp_path, "a", Program(program))
    with Colony(
        tmp_path / "colony", keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK
    ) as colony:
        outcome = colony.settle("cycle 1", [], [start], remember=True).outcomes["a"]
    assert isinstance(outcome, Refused), outcome
    assert outcome.lasting
    assert "libgone.so" in outcome.what
