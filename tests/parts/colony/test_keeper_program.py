"""The keeper's program: shipped, cached or compiled, in that order; then without any compiler."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve_ai.colony import keeper_program as module
from evolve_ai.colony.keeper import Keeper
from evolve_ai.colony.keeper_program import is_there, keeper_program, needs_compiler
from evolve_ai.colony.keeper_recipe import PROGRAM, key
from evolve_ai.model.errors import EXIT_TOOLCHAIN, ToolchainError

Rustc = Callable[[str], Path]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this test's user has the program, once it is compiled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "evolve" / "keeper" / key() / PROGRAM


@pytest.fixture
def no_rustc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "empty"))


@pytest.fixture
def rustc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keeper: Path) -> Rustc:
    """A compiler that does what a script says, then gives out what was compiled before. It notes
    each call as a line of the file that is returned."""

    def fake(script: str = "") -> Path:
        program, calls = tmp_path / "bin" / "rustc", tmp_path / "calls"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{calls}\n{script}\n'
            f'while [ "$1" != -o ]; do shift; done\ncp {keeper} "$2"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return calls

    return fake


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keeper: Path) -> Path:
    """As in an installed package; it tells itself from others by a byte more."""
    program = tmp_path / "package" / PROGRAM
    program.parent.mkdir()
    program.write_bytes(keeper.read_bytes() + b"s")
    monkeypatch.setattr(module, "shipped", lambda: program)
    return program


def mode_of(program: Path) -> int:
    return stat.S_IMODE(program.stat().st_mode)


# Where it comes from.


def test_program_that_is_there_is_let_be(keeper: Path, no_rustc: None, shipped: Path) -> None:
    workspace = keeper.parents[2]
    before = keeper.stat()
    assert keeper_program(workspace) == keeper
    assert keeper.stat().st_mtime_ns == before.st_mtime_ns
    assert os.access(keeper, os.X_OK)
    assert [entry.name for entry in keeper.parent.iterdir()] == [PROGRAM]


def test_shipped_program_is_copied_without_a_compiler(
    tmp_path: Path, no_rustc: None, shipped: Path, cache: Path
) -> None:
    assert not needs_compiler(tmp_path)
    program = keeper_program(tmp_path)
    assert program == tmp_path / "keeper" / key() / PROGRAM
    assert program.read_bytes() == shipped.read_bytes()
    assert mode_of(program) == 0o755
    assert not cache.exists()


def test_shipped_program_goes_before_the_cached_one(
    tmp_path: Path, shipped: Path, cache: Path, keeper: Path
) -> None:
    cache.parent.mkdir(parents=True)
    shutil.copy(keeper, cache)
    assert keeper_program(tmp_path).read_bytes() == shipped.read_bytes()


def test_program_is_compiled_once_for_all_workspaces_of_a_user(
    tmp_path: Path, rustc: Rustc, cache: Path
) -> None:
    calls = rustc("")
    workspaces = [tmp_path / name for name in ("one", "two")]
    assert all(map(needs_compiler, workspaces))
    programs = [keeper_program(workspace) for workspace in workspaces]
    assert len(calls.read_text().splitlines()) == 1
    assert {program.read_bytes() for program in (*programs, cache)} == {cache.read_bytes()}
    assert {mode_of(program) for program in (*programs, cache)} == {0o755}
    assert all(map(is_there, workspaces))
    assert [[entry.name for entry in p.parent.iterdir()] for p in programs] == [[PROGRAM]] * 2


def test_cached_program_is_copied_without_a_compiler(
    tmp_path: Path, no_rustc: None, cache: Path, keeper: Path
) -> None:
    cache.parent.mkdir(parents=True)
    shutil.copy(keeper, cache)
    assert not needs_compiler(tmp_path)
    assert keeper_program(tmp_path).read_bytes() == keeper.read_bytes()


def test_cached_program_that_others_may_write_is_compiled_in_the_workspace(
    tmp_path: Path, rustc: Rustc, cache: Path
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("#!/bin/sh\nexit 2\n")
    cache.chmod(0o775)
    cache.parent.chmod(0o777)
    rustc("")
    assert needs_compiler(tmp_path)
    assert not keeper_program(tmp_path).read_bytes().startswith(b"#!")
    assert cache.read_bytes().startswith(b"#!")


@pytest.mark.parametrize("workspaces", [("one", "one"), ("one", "two")], ids=" and ".join)
def test_two_that_compile_at_once_do_not_meet(
    tmp_path: Path, rustc: Rustc, cache: Path, keeper: Path, workspaces: tuple[str, str]
) -> None:
    calls = tmp_path / "calls"
    rustc(f"while [ $(wc -l <{calls}) -lt 2 ]; do sleep 0.01; done")
    script = (
        "import sys; from pathlib import Path; "
        "from evolve_ai.colony.keeper_program import keeper_program; "
        "sys.exit(keeper_program(Path(sys.argv[1])).read_bytes() != Path(sys.argv[2]).read_bytes())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path / workspace, keeper])
        for workspace in workspaces
    ]
    assert [one.wait(60) for one in both] == [0, 0]
    assert len(calls.read_text().splitlines()) == 2
    for folder in (cache.parent, *(tmp_path / name / "keeper" / key() for name in workspaces)):
        assert [entry.name for entry in folder.iterdir()] == [PROGRAM]
        assert (folder / PROGRAM).read_bytes() == keeper.read_bytes()


# The compiler.


def test_missing_compiler_is_named_with_what_to_do(tmp_path: Path, no_rustc: None) -> None:
    with pytest.raises(ToolchainError, match="`rustc` is not on the PATH") as caught:
        keeper_program(tmp_path)
    assert caught.value.exit_code == EXIT_TOOLCHAIN
    assert caught.value.todo is not None and "rustup" in caught.value.todo


def test_machine_without_a_static_libc_gets_a_program_that_needs_its_libraries(
    tmp_path: Path, rustc: Rustc
) -> None:
    calls = rustc('case "$*" in *+crt-static*) echo "cannot find -lc" >&2; exit 1;; esac')
    assert is_there(keeper_program(tmp_path).parents[2])
    assert ["+crt-static" in call for call in calls.read_text().splitlines()] == [True, False]


def test_compiler_that_fails_leaves_no_half_program(
    tmp_path: Path, rustc: Rustc, cache: Path
) -> None:
    rustc('while [ "$1" != -o ]; do shift; done\n: >"$2"\necho no >&2\nexit 1')
    with pytest.raises(ToolchainError, match="does not compile: no"):
        keeper_program(tmp_path / "workspace")
    (folder,) = (tmp_path / "workspace" / "keeper").iterdir()
    assert list(folder.iterdir()) == []
    assert not cache.exists()


# Those of other versions.


def test_program_of_another_version_goes_as_soon_as_nobody_runs_it(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    ours = tmp_path / "keeper" / keeper.parent.name / keeper.name
    old, older = (tmp_path / "keeper" / key / keeper.name for key in ("0" * 16, "1" * 16))
    for program in (ours, old, older):
        program.parent.mkdir(parents=True)
        shutil.copy(keeper, program)
    with Keeper.open(tmp_path / "colony", old, 60) as running:
        assert keeper_program(tmp_path) == ours
        assert sorted((tmp_path / "keeper").iterdir()) == sorted([ours.parent, old.parent])
        assert running.identity.lives()
        assert running.leave(5.0)
    assert keeper_program(tmp_path) == ours
    assert list((tmp_path / "keeper").iterdir()) == [ours.parent]


def test_keeper_whose_file_is_gone_is_reached_all_the_same(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    old = tmp_path / "keeper" / keeper.name
    old.parent.mkdir()
    shutil.copy(keeper, old)
    with Keeper.open(tmp_path / "colony", old, 60) as first:
        old.unlink()
        with Keeper.open(tmp_path / "colony", keeper, 60) as second:
            assert second.identity == first.identity
            assert second.leave(5.0)
