"""Every attack of the matrix, by root and by an ordinary user, at each level; and each once more
with what stops it lifted, which shows that it would be seen to succeed.

What is lifted is lifted at level landlock: namespaces would stop some attacks all the same.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from arena import Entry, Mode
from attack_cells import CELLS, FAMILIES
from attack_support import Cell, Seen
from attack_words import EVERYTHING
from combat import fight
from users import ORDINARY

from evolve_ai.model.agent import Cause
from evolve_ai.model.sandbox import Level, Protection
from evolve_ai.system.bubblewrap import arguments, installed

USERS = ("root", "user")
LEVELS = (Level.LANDLOCK, Level.FULL)
IS_ROOT = os.getuid() == 0

Fights = Callable[[Level, str, Mode], Mapping[str, Seen]]


def _can(cell: Cell, user: str) -> bool:
    is_ordinary = IS_ROOT and user == "user"
    return cell.only in ("", user) or (cell.only == "ordinary" and is_ordinary)


@pytest.fixture(scope="module")
def fights(keeper: Path, attacker: Path) -> Fights:
    """All attacks of a user at a level, done at once when the first of them is asked for."""
    done: dict[tuple[Level, str, Mode], Mapping[str, Seen]] = {}

    def fought(level: Level, user: str, mode: Mode) -> Mapping[str, Seen]:
        key = level, user, mode
        if key not in done:
            cells = [cell for cell in CELLS if _can(cell, user)]
            entries = [Entry(cell, mode) for cell in cells if cell.stopped_by or mode is Mode.HELD]
            as_ordinary = IS_ROOT and user == "user"
            done[key] = fight(level, entries, keeper, attacker, as_ordinary=as_ordinary)
        return done[key]

    return fought


@pytest.fixture(scope="module")
def no_namespaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Why a user can have none, where that is so."""
    bwrap = installed()
    if bwrap is None:
        return dict.fromkeys(USERS, "bwrap is not installed")
    found = {}
    for user in USERS:
        number = ORDINARY.pw_uid if IS_ROOT and user == "user" else None
        words = [*arguments(bwrap, Path("/"), {}, [(Path("/"), "--ro-bind")]), "/bin/true"]
        done = subprocess.run(words, user=number, capture_output=True, text=True, check=False)
        if done.returncode:
            found[user] = done.stderr.strip()
    return found


def _skip_what_cannot_be(level: Level, user: str, no_namespaces: Mapping[str, str]) -> None:
    if user == "root" and not IS_ROOT:
        pytest.skip("the tests do not run as root: what root attacks stays untested here")
    if level is Level.FULL and user in no_namespaces:
        pytest.skip(f"level full stays untested here: {no_namespaces[user]}")


def _attacks(*families: str) -> pytest.MarkDecorator:
    """Each attack of these families, by each user, at each level."""
    return pytest.mark.parametrize(
        ("cell", "user", "level"),
        [
            pytest.param(cell, user, level, id=f"{cell.name}-{user}-{level}")
            for level in LEVELS
            for user in USERS
            for family in families
            for cell in FAMILIES[family]
            if _can(cell, user)
        ],
    )


@pytest.fixture
def is_stopped(
    fights: Fights, no_namespaces: Mapping[str, str]
) -> Callable[[Cell, str, Level], None]:
    def judge(cell: Cell, user: str, level: Level) -> None:
        _skip_what_cannot_be(level, user, no_namespaces)
        seen = fights(level, user, Mode.HELD)[Entry(cell, Mode.HELD).id]
        assert seen.ran, f"it did not even try: {seen.fault}; {seen.log}"
        assert not cell.evidence(seen), f"it succeeded: {seen.log}"
        if cell.ends is None:
            assert (seen.fault, seen.answered) == (None, True), "it was to be refused, and live on"
            return
        assert seen.fault is not None and seen.fault.cause is cell.ends, seen.fault
        if cell.ends is Cause.SANDBOX:
            assert re.search("SIGSYS|state/|threads", seen.fault.reason), "it says what happened"

    return judge


@_attacks("elsewhere", "own_folder", "names")
def test_files_out_of_its_state_are_out_of_reach(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("metadata")
def test_modes_owners_and_times_stay_as_they_are(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("network")
def test_socket_is_the_end_of_who_asks_for_one(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("processes")
def test_it_stays_one_process_with_one_thread(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("others")
def test_other_processes_are_out_of_reach(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("kernel")
def test_doors_into_the_kernel_are_shut(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("room")
def test_floods_end_at_their_limits(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("shared")
def test_what_all_share_is_not_used_up(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("belongings")
def test_nothing_is_inherited(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@_attacks("pipes")
def test_lie_in_a_pipe_ends_the_liar_alone(cell, user, level, is_stopped):
    is_stopped(cell, user, level)


@pytest.mark.parametrize(
    ("cell", "user"),
    [
        pytest.param(cell, user, id=f"{cell.name}-{user}")
        for user in USERS
        for cell in CELLS
        if cell.stopped_by and _can(cell, user)
    ],
)
def test_attack_succeeds_where_what_stops_it_is_lifted(cell, user, fights):
    _skip_what_cannot_be(Level.LANDLOCK, user, {})
    seen = fights(Level.LANDLOCK, user, Mode.LIFTED)[Entry(cell, Mode.LIFTED).id]
    assert seen.ran, f"it did not even try: {seen.fault}; {seen.log}"
    if cell.by_machine and not cell.evidence(seen):
        bare = fights(Level.LANDLOCK, user, Mode.BARE)[Entry(cell, Mode.BARE).id]
        if not cell.evidence(bare):
            pytest.skip(f"this machine stops it even without a box: {bare.log[-200:]}")
    assert cell.evidence(seen), f"it failed: {seen.fault}; {seen.log}"


def test_every_protection_is_lifted_for_some_attack():
    """Of what is inherited, and of who leaves the group of a build (an agent leads one, and can
    leave none) see tests/parts/system/test_box.py and test_box_ends.py."""
    lifted = {one for cell in CELLS for one in cell.stopped_by if cell.stopped_by != EVERYTHING}
    assert set(Protection) - lifted == {Protection.DESCRIPTORS, Protection.ENDING}
