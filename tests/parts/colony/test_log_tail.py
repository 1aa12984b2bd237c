"""Tests of reading a log while it grows, is cut, and is replaced."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve_ai.colony.agent_log import NAME, trim
from evolve_ai.colony.log_tail import LogTail
from evolve_ai.model.errors import EvolveError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "agent"
    made.mkdir()
    return made


@pytest.fixture
def tail(folder: Path) -> Iterator[LogTail]:
    with LogTail(folder) as opened:
        yield opened


def add(folder: Path, data: bytes) -> None:
    with (folder / NAME).open("ab") as log:
        log.write(data)


def lines(first: int, end: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(first, end))


@pytest.mark.parametrize(
    ("written", "count", "shown"),
    [
        (b"", 3, b""),
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\n", 9, b"a\nb\n"),
        (b"\n\n\n", 2, b"\n\n"),
        (lines(0, 100_000), 1, lines(99_999, 100_000)),
    ],
)
def test_last_lines_are_shown(
    folder: Path, tail: LogTail, written: bytes, count: int, shown: bytes
) -> None:
    add(folder, written)
    assert tail.last(count) == shown


def test_what_is_added_is_shown_once(folder: Path, tail: LogTail) -> None:
    add(folder, b"a\nb\n")
    assert tail.last(1) == b"b\n"
    assert tail.more() == b""
    add(folder, b"half")
    assert tail.more() == b"half"
    add(folder, b" and half\n")
    assert tail.more() == b" and half\n"


def test_log_that_is_cut_goes_on_where_it_was(folder: Path, tail: LogTail) -> None:
    add(folder, lines(0, 500))
    tail.last(1)
    add(folder, lines(500, 510))
    assert trim(folder, 4096)
    add(folder, lines(510, 520))
    assert tail.more() == lines(500, 520)
    add(folder, lines(520, 521))
    assert tail.more() == lines(520, 521)


def test_cut_that_was_made_good_before_anyone_looked_is_noticed(
    folder: Path, tail: LogTail
) -> None:
    add(folder, lines(0, 500))
    tail.last(1)
    assert trim(folder, 4096)
    add(folder, lines(500, 1500))
    assert (folder / NAME).stat().st_size > len(lines(0, 500))
    assert tail.more() == lines(500, 1500)


def test_cut_that_is_half_done_repeats_nothing(folder: Path, tail: LogTail) -> None:
    add(folder, lines(0, 500))
    tail.last(1)
    os.truncate(folder / NAME, 0)
    assert tail.more() == b""
    add(folder, lines(300, 400))
    assert tail.more() == b""
    add(folder, lines(400, 501))
    assert tail.more() == lines(500, 501)


def test_log_that_somebody_emptied_is_shown_from_its_start(folder: Path, tail: LogTail) -> None:
    add(folder, b"a\n" * 1000)
    tail.last(1)
    os.truncate(folder / NAME, 0)
    tail.more()
    add(folder, b"a\na\n")
    assert b"".join(tail.more() for _ in range(4)) == b"a\na\n"
    add(folder, b"b\n")
    assert tail.more() == b"b\n"


def test_file_that_takes_its_place_is_read_after_the_rest_of_the_old_one(
    folder: Path, tail: LogTail
) -> None:
    add(folder, b"old\n")
    tail.last(1)
    add(folder, b"rest\n")
    (folder / NAME).rename(folder / "agent.log.1")
    add(folder, b"new\n")
    assert [tail.more(), tail.more(), tail.more()] == [b"rest\n", b"new\n", b""]


def test_log_that_is_not_there_yet_is_waited_for(folder: Path, tail: LogTail) -> None:
    with pytest.raises(FileNotFoundError):
        tail.last(1)
    assert tail.more() == b""
    add(folder, b"first\n")
    assert tail.more() == b"first\n"


def test_last_words_of_a_folder_that_is_gone_are_still_shown(folder: Path, tail: LogTail) -> None:
    add(folder, b"a\n")
    tail.last(1)
    assert not tail.gone()
    add(folder, b"last words\n")
    shutil.rmtree(folder)
    assert tail.gone()
    assert tail.more() == b"last words\n"


def test_link_pipe_and_folder_are_refused(folder: Path, tail: LogTail, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for lay in (
        lambda path: path.symlink_to(tmp_path / "secret"),
        os.mkfifo,
        Path.mkdir,
    ):
        lay(folder / NAME)
        with pytest.raises(EvolveError, match="a link, or no regular file"):
            tail.last(1)
        if (folder / NAME).is_dir():
            (folder / NAME).rmdir()
        else:
            (folder / NAME).unlink()


def test_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(OSError):
        LogTail(tmp_path / "link")


def test_sparse_file_of_a_terabyte_costs_no_more_than_its_end(folder: Path, tail: LogTail) -> None:
    add(folder, b"a\n")
    tail.last(1)
    os.truncate(folder / NAME, 2**40)
    add(folder, b"\nend\n")
    assert tail.more().endswith(b"\0\nend\n")
    assert tail.more() == b""
