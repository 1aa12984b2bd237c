"""Every attack of the matrix, by root and by an ordinary user, at each level; and each once more
with what stops it lifted, which shows that it would be seen to succeed.

What is lifted is lifted at level landlock: namespaces would stop some attacks all the same.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from arena import Entry
from attack_cells import CELLS, FAMILIES
from attack_support import Cell, Seen
from combat import fight

from evolve_ai.model.sandbox import Level

USERS = ("root", "user")
LEVELS = (Level.LANDLOCK, Level.FULL)
IS_ROOT = os.getuid() == 0
PLAIN_PRIORITY = os.getpriority(os.PRIO_PROCESS, 0) < 19

Fights = Callable[[Level, str, bool], Mapping[str, Seen]]


@pytest.fixture(scope="module")
def fights(keeper: Path, attacker: Path) -> Iterator[Fights]:
    """All attacks of a user at a level, done at once when the first of them is asked for."""
    done: dict[tuple[Level, str, bool], Mapping[str, Seen]] = {}

    def fought(level: Level, user: str, lifted: bool) -> Mapping[str, Seen]:
        key = level, user, lifted
        if key not in done:
            cells = [cell for cell in CELLS if cell.only in ("", user)]
            entries = [Entry(cell, lifted) for cell in cells if cell.stopped_by or not lifted]
            as_nobody = IS_ROOT and user == "user"
            done[key] = fight(level, entries, keeper, attacker, as_nobody=as_nobody)
        return done[key]

    yield fought


def _skip_what_cannot_be(level: Level, user: str) -> None:
    if user == "root" and not IS_ROOT:
        pytest.skip("the tests do not run as root: what root attacks stays untested here")
    if level is Level.FULL and shutil.which("bwrap") is None:
        pytest.skip("bwrap is not installed: level full stays untested here")


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
            if cell.only in ("", user)
        ],
    )


def _is_stopped(fights: Fights, cell: Cell, user: str, level: Level) -> None:
    _skip_what_cannot_be(level, user)
    seen = fights(level, user, False)[cell.name]
    assert seen.ran, f"it did not even try: {seen.fault}; {seen.log}"
    assert not cell.evidence(seen), f"it succeeded: {seen.log}"
    if cell.ends is None:
        assert (seen.fault, seen.answered) == (None, True), "it was to be refused, and live on"
    else:
        assert seen.fault is not None and seen.fault.cause is cell.ends, seen.fault


@_attacks("elsewhere", "own_folder", "names")
def test_files_out_of_its_state_are_out_of_reach(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("metadata")
def test_modes_owners_and_times_stay_as_they_are(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("network")
def test_socket_is_the_end_of_who_asks_for_one(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("processes")
def test_it_stays_one_process_with_one_thread(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("others")
def test_other_processes_are_out_of_reach(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("kernel")
def test_doors_into_the_kernel_are_shut(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("room")
def test_floods_end_at_their_limits(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("belongings")
def test_nothing_is_inherited(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@_attacks("pipes")
def test_lie_in_a_pipe_ends_the_liar_alone(cell, user, level, fights):
    _is_stopped(fights, cell, user, level)


@pytest.mark.parametrize(
    ("cell", "user"),
    [
        pytest.param(cell, user, id=f"{cell.name}-{user}")
        for user in USERS
        for cell in CELLS
        if cell.stopped_by and cell.only in ("", user)
    ],
)
def test_attack_succeeds_where_what_stops_it_is_lifted(cell, user, fights):
    _skip_what_cannot_be(Level.LANDLOCK, user)
    if cell.name == "hinder_by_setpriority" and not PLAIN_PRIORITY:
        pytest.skip("these tests have the lowest priority themselves: it cannot be lowered")
    seen = fights(Level.LANDLOCK, user, True)[Entry(cell, True).id]
    assert seen.ran, f"it did not even try: {seen.fault}; {seen.log}"
    assert cell.evidence(seen), f"it failed: {seen.fault}; {seen.log}"
