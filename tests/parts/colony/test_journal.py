"""Reading a keeper's journal, whatever state it is in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.colony import journal
from evolve_ai.colony.journal import Journal, Life
from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity

HEADER = b"evolve-keeper 1 boot\n"


@pytest.fixture
def read(tmp_path: Path):
    def read(data: bytes) -> Journal:
        (tmp_path / "journal").write_bytes(data)
        return journal.read(tmp_path / "journal")

    return read


def life(id: str, note: str, pid: int, exit: Exit | None = None) -> Life:
    return Life(id, note, Identity(pid, pid * 10, "boot"), exit)


def test_starts_ends_and_failures_are_read(read):
    lines = b"S a 1:0 5 50\nS b 1:0 6 60\nS c 2:0 7 70\nS d 2:0 8 80\nF c 2:0 2\n"
    lines += b"E a 5 50 exit 3\nE b 6 60 signal 9\n"
    found = read(HEADER + lines)
    assert found.lives == {
        "a": life("a", "1:0", 5, Exit(code=3)),
        "b": life("b", "1:0", 6, Exit(signal=9)),
        "c": life("c", "2:0", 7, Exit()),
        "d": life("d", "2:0", 8),
    }
    assert (found.others, found.end, found.damaged) == ((), len(HEADER + lines), 0)


def test_last_life_of_an_agent_counts_and_earlier_ones_without_an_end_are_told(read):
    found = read(HEADER + b"S a 1 5 50\nS a 2 6 60\nS a 3 7 70\nE a 6 60 exit 0\n")
    assert found.lives == {"a": life("a", "3", 7)}
    assert found.others == (life("a", "1", 5),)


def test_end_that_was_written_late_belongs_to_its_own_life(read):
    found = read(HEADER + b"S a 1 5 50\nS a 2 6 60\nE a 5 50 exit 0\n")
    assert found.lives == {"a": life("a", "2", 6)}
    assert found.others == ()


def test_end_without_a_start_is_an_earlier_life(read):
    assert read(HEADER + b"E a 5 50 exit 4\n").lives == {"a": life("a", "", 5, Exit(code=4))}
    assert read(HEADER + b"S a 1 6 60\nE a 5 50 exit 4\n").lives == {"a": life("a", "1", 6)}


def test_failure_takes_back_only_the_start_that_it_is_of(read):
    assert read(HEADER + b"S a 1 5 50\nF a 2 2\n").lives == {"a": life("a", "1", 5)}
    assert read(HEADER + b"F a 2 2\n").lives == {}


def test_half_a_last_line_is_left_for_the_next_time(read):
    found = read(HEADER + b"S a 1 5 50\nE a 5 50 exit 1")
    assert found.lives == {"a": life("a", "1", 5)}
    assert (found.end, found.damaged) == (len(HEADER) + len(b"S a 1 5 50\n"), 0)


def test_rubbish_lines_are_skipped_and_counted(read):
    rubbish = (
        b"S a 1 5 5?\n\nE a 5 50 exit\nE a 5 50 sang 2\n\xff\xfe\nS a 1 x 50\nE a 5 50 exit 1?\n"
    )
    found = read(HEADER + rubbish + b"S b 1 6 60\n")
    assert found.lives == {"b": life("b", "1", 6)}
    assert found.damaged == 7


def test_journal_of_another_boot_tells_of_processes_that_do_not_live(read):
    found = read(b"evolve-keeper 1 other\nS a 1 1 0\n")
    assert found.lives["a"].identity == Identity(1, 0, "other")
    assert not found.lives["a"].identity.lives()


def test_missing_journal_and_folder_in_its_place_say_nothing(tmp_path):
    assert journal.read(tmp_path / "none") == Journal()
    assert journal.read(tmp_path) == Journal()


@pytest.mark.parametrize("head", [b"", b"\n", b"evolve-keeper 2 boot\n", b"\x00\xff\n"])
def test_journal_without_its_title_is_all_rubbish(read, head):
    data = head + b"S a 1 5 50\n"
    found = read(data)
    assert (dict(found.lives), found.end) == ({}, len(data))
    assert found.damaged >= 1


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"S a 1 5 50\n"))))
def test_no_journal_is_an_exception(tmp_path_factory, pieces):
    path = tmp_path_factory.getbasetemp() / "any-journal"
    path.write_bytes(HEADER + b"".join(pieces))
    found = journal.read(path)
    assert found.end <= path.stat().st_size
