"""Crates that attack the machine that builds them: by a build script, and by a macro.

Each attack is stopped in the box, and succeeds where just what stops it is lifted.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults_support import request_for, said
from hostile_support import CRATES, MODE, SETTINGS, Hostile, vendor, victims
from rust_support import BoxedRust, boxed, copy_template
from seen import skip_without_namespaces, working_in

from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.sandbox import Confinement, Protection
from evolve_ai.substrates.rust.cargo import build_argv
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.target import Target
from evolve_ai.substrates.rust.toolchain import build_environment, find_toolchain
from evolve_ai.system import bubblewrap
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.trees import remove_tree

# By the protections that stop them: these must all be lifted.
ATTACKS = {
    frozenset({Protection.FILES}): {
        "read a file",
        "read /etc/hostname",
        "list a folder",
        "write a file",
        "change a source",
        "configure cargo",
        "make a hard link",
    },
    frozenset({Protection.NETWORK}): {"connect by TCP", "bind UDP", "connect to a socket"},
    frozenset({Protection.SIGNALS}): {"signal a stranger"},
    frozenset({Protection.LIMITS}): {"take much memory", "write a large file"},
    frozenset({Protection.METADATA}): {
        "open a file to all",
        "set an id bit",
        "set times",
        "set an attribute",
        "set an owner",
        "make a file with an id bit",
    },
    frozenset({Protection.DISK}): {
        "take room that no size tells of",
        "have a file without a name",
    },
    frozenset({Protection.SHARED}): {
        "have a timer",
        "have watches",
        "lock bytes",
        "hand on descriptors",
    },
    frozenset({Protection.CRASHES}): {"leave a core"},
    frozenset({Protection.ENDING}): {"leave for a session of its own"},
    # Whatever Landlock holds, it keeps its own from tracing others, and so from this; and who has
    # no capability does not trace who has.
    frozenset({Protection.FILES, Protection.NETWORK, Protection.SIGNALS, Protection.PRIVILEGES}): {
        "read an environment"
    },
}
# That daemon is ended with its build, and this mode is out of reach in namespaces only.
NO_MATTER = {"leave a daemon", "make a file executable"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Built once, in its box, by the real builder."""
    root, outside = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("outside")
    template = copy_template(root / "template")
    with (template / MANIFEST).open("a") as manifest:
        manifest.write('\n[dependencies]\nhostile-crate = "=1.0.0"\n')
    with pytest.MonkeyPatch.context() as patch, victims(outside) as words:
        vendor(root / "home", words)
        user = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{user / 'bin'}")
        patch.setenv("CARGO_HOME", str(root / "home"))
        substrate = BoxedRust(SETTINGS, CRATES)
        pool = substrate.equip(root / "workspace", substrate.read_pool(template))
        builder = substrate.builder(root / "workspace", pool)
        (verdict,) = builder.build([request_for(pool, substrate)])
        assert said(verdict) == "alpha::add 3\ngamma::negate -3\n"
        yield Hostile(builder._area(), outside)


@pytest.mark.parametrize("by", ["script", "macro"])
def test_crate_that_attacks_while_it_is_built_gets_nowhere(hostile: Hostile, by: str) -> None:
    report = hostile.report(by)
    assert {what for what, done in report.items() if done} <= NO_MATTER
    assert report.keys() - NO_MATTER == {what for attacks in ATTACKS.values() for what in attacks}
    assert sorted(path.name for path in hostile.outside.iterdir()) == ["secret", "socket"]


@pytest.mark.parametrize("lifted", ATTACKS, ids=lambda lifted: "+".join(sorted(lifted)))
def test_attack_of_a_crate_succeeds_where_what_stops_it_is_lifted(
    hostile: Hostile, lifted: frozenset[Protection]
) -> None:
    with hostile.put_right():
        done = hostile.build(replace(boxed(), lifted=lifted))
    assert done.code == 0, done.stderr
    succeeded = {what for what, done in hostile.report("script").items() if done}
    by_now = {what for stops, attacks in ATTACKS.items() if stops <= lifted for what in attacks}
    assert succeeded - NO_MATTER == by_now


def test_daemon_that_a_build_leaves_is_ended_with_it(hostile: Hostile) -> None:
    done = hostile.build(boxed())
    assert done.code == 0, done.stderr
    assert hostile.report("script")["leave a daemon"]
    assert hostile.daemons() == []


def test_cargo_in_a_box_waits_for_no_lock_that_it_does_not_get(hostile: Hostile) -> None:
    """It has none of bytes of a file, which its database of crates used would need."""
    done = hostile.build(boxed())
    assert done.code == 0, done.stderr
    assert b"locked" not in done.stderr


def test_daemon_that_a_build_leaves_lives_on_where_nobody_watches(hostile: Hostile) -> None:
    tools = find_toolchain(Path.cwd())
    environment = {**build_environment(os.environ), **tools.variables(), **hostile.area.variables()}
    argv = build_argv(tools.cargo, hostile.area.folder / MANIFEST, "hostile-crate")
    limits = Limits(total=60.0, silence=60.0)
    hostile.forget()
    with hostile.put_right():
        run_command(argv, cwd=hostile.area.folder, env=environment, limits=limits)
    daemons = hostile.daemons()
    for daemon in daemons:
        daemon.kill()
        daemon.wait(10)
    assert daemons


def test_build_that_starts_too_many_processes_is_ended_and_told(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.PROCESSES", 50)
    with hostile.bomb(20), pytest.raises(ToolchainError, match="more than 50 processes"):
        hostile.build(boxed())
    assert working_in(hostile.area.folder) == []


def test_build_starts_as_many_processes_as_it_likes_where_they_are_not_counted(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.PROCESSES", 50)
    with hostile.bomb(1) as bombed:
        done = hostile.build(replace(boxed(), lifted=frozenset({Protection.PROCESSES})))
        assert done.code == 0, done.stderr
        assert bombed.read_text() == "100"


def test_what_a_build_leaves_stops_no_later_build(hostile: Hostile) -> None:
    with hostile.put_right(), hostile.littered(boxed()):
        assert hostile.build(boxed(), seconds=30.0).code == 0
        hostile.area.seal.renew()
        assert not hostile.area.seal.is_broken()
        hostile.area.forget_batch()
        hostile.area.target.forget("evolve_nothing")


def test_what_a_build_leaves_stops_the_next_one_where_nobody_looks(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile.put_right(), hostile.littered(boxed()):
        with monkeypatch.context() as patch:
            patch.setattr(Target, "make_ready", lambda target: None)
            assert hostile.build(boxed(), seconds=2.0).ending is Ending.TOTAL_TIMEOUT
        with pytest.raises((RecursionError, OSError)):
            shutil.copytree(hostile.area.target.folder, hostile.outside / "copy")
        remove_tree(hostile.outside / "copy")


@pytest.fixture
def in_namespaces() -> Confinement:
    """A box as at level full. Skips, aloud, where there can be none."""
    bwrap = bubblewrap.installed()
    if bwrap is None:
        pytest.skip("bwrap is not installed")
    skip_without_namespaces(bubblewrap.arguments(bwrap, Path("/"), {}, [(Path("/"), "--ro-bind")]))
    return replace(boxed(), bwrap=bwrap)


def test_crate_changes_a_mode_in_a_box_but_not_in_namespaces(
    hostile: Hostile, in_namespaces: Confinement
) -> None:
    for confinement, changed in ((boxed(), True), (in_namespaces, False)):
        with hostile.put_right():
            done = hostile.build(confinement)
            assert done.code == 0, done.stderr
            assert hostile.report("script")["make a file executable"] == changed
            assert ((hostile.outside / "secret").stat().st_mode & 0o777 != MODE) == changed


def test_build_in_namespaces_leaves_nobody_and_keeps_its_limits(
    hostile: Hostile, in_namespaces: Confinement, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile.put_right():
        done = hostile.build(in_namespaces)
    assert done.code == 0, done.stderr
    report = hostile.report("script")
    assert {what for what, done in report.items() if done} == {"leave a daemon"}
    assert working_in(hostile.area.folder) == []
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.PROCESSES", 50)
    with hostile.bomb(20), pytest.raises(ToolchainError, match="more than 50 processes"):
        hostile.build(in_namespaces)
    assert working_in(hostile.area.folder) == []


def test_files_are_out_of_sight_of_a_build_in_namespaces(
    hostile: Hostile, in_namespaces: Confinement
) -> None:
    """Also where Landlock is lifted: this is a wall of its own."""
    with hostile.put_right():
        done = hostile.build(replace(in_namespaces, lifted=frozenset({Protection.FILES})))
    assert done.code == 0, done.stderr
    report = hostile.report("script")
    assert not any(report[what] for what in ATTACKS[frozenset({Protection.FILES})])


def test_all_of_a_project_is_compiled_in_namespaces(
    hostile: Hostile, in_namespaces: Confinement
) -> None:
    hostile.area.clean()
    with hostile.put_right():
        done = hostile.build(in_namespaces)
    assert done.code == 0, done.stderr


def test_build_that_can_have_no_namespaces_is_none(
    hostile: Hostile, in_namespaces: Confinement, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (str(in_namespaces.bwrap), "--bind", "/nonexistent", "/nonexistent", "--")
    monkeypatch.setattr(bubblewrap, "around", lambda *asked: words)
    with pytest.raises(ToolchainError, match=r"without its box: .*/nonexistent"):
        hostile.build(in_namespaces)


def test_build_in_namespaces_that_is_too_slow_is_ended_with_all_it_began(
    hostile: Hostile, in_namespaces: Confinement
) -> None:
    for confinement in (boxed(), in_namespaces):
        with hostile.bomb(20):
            done = hostile.build(confinement, seconds=2.0)
        assert done.ending is Ending.TOTAL_TIMEOUT
        assert working_in(hostile.area.folder) == []
