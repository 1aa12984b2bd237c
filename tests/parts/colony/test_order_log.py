"""Diaries that end in the middle of a word, on a full disk, under another title."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited_files import files_of_at_most

from evolve_ai.colony.order_log import Entry, OrderLog
from evolve_ai.model.errors import StorageError

ENTRIES: list[Entry] = [
    ["leave", {"a": 7, "b": 8}],
    ["bye", "a", b"\x00memory"],
    ["turn", 3, 0, {"b": [[0.5], None, [[1, 2]], False, None, None]}, {}, ["why"], [8]],
]


def read(path: Path) -> tuple[str, list[Entry]]:
    with closing(OrderLog(path)) as order_log:
        return order_log.title, list(order_log.entries)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "order_log"


@pytest.fixture
def order_log(path: Path) -> Iterator[OrderLog]:
    with closing(OrderLog(path)) as order_log:
        order_log.open("season 3")
        yield order_log


def test_next_one_reads_what_was_written(order_log: OrderLog, path: Path) -> None:
    order_log.write(ENTRIES[:1])
    order_log.write(ENTRIES[1:])
    assert read(path) == ("season 3", ENTRIES)


def test_entry_that_is_torn_at_any_byte_is_cut_off_and_no_other(
    order_log: OrderLog, path: Path
) -> None:
    order_log.write(ENTRIES[:2])
    whole = path.stat().st_size
    order_log.write(ENTRIES[2:])
    written = path.read_bytes()
    for end in range(whole, len(written)):
        path.write_bytes(written[:end])
        assert read(path) == ("season 3", ENTRIES[:2])
        assert path.stat().st_size == whole
        with closing(OrderLog(path)) as later:
            later.write(ENTRIES[2:])
        assert path.read_bytes() == written


def test_title_that_is_torn_at_any_byte_leaves_an_empty_order_log(
    order_log: OrderLog, path: Path
) -> None:
    order_log.write(ENTRIES)
    written = path.read_bytes()
    for end in range(written.index(b"season 3") + len("season 3")):
        path.write_bytes(written[:end])
        assert read(path) == ("", [])
        with closing(OrderLog(path)) as later:
            later.open("season 3")
            later.write(ENTRIES)
        assert path.read_bytes() == written


def test_entry_with_a_wrong_byte_ends_what_is_believed(order_log: OrderLog, path: Path) -> None:
    order_log.write(ENTRIES[:1])
    end = path.stat().st_size
    order_log.write(ENTRIES[1:])
    written = path.read_bytes()
    path.write_bytes(written[: end + 9] + b"\xff" + written[end + 10 :])
    assert read(path) == ("season 3", ENTRIES[:1])


@given(st.binary(max_size=200))
def test_rubbish_is_no_entry(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "rubbish"
    path.write_bytes(b"\x01\0\0\0\0\0\0\0" + rubbish)
    assert read(path) == ("", [])
    path.unlink()


def test_disk_that_is_full_at_any_byte_takes_all_of_a_write_or_nothing(path: Path) -> None:
    with closing(OrderLog(path)) as whole:
        whole.open("season 3")
        whole.write(ENTRIES[:1])
        before = path.stat().st_size
        whole.write(ENTRIES[1:])
    written = path.read_bytes()
    for size in range(len(written)):
        path.unlink()
        with closing(OrderLog(path)) as order_log:
            order_log.open("season 3")
            with files_of_at_most(size), pytest.raises(StorageError, match="larger than"):
                order_log.write(ENTRIES[:1])
                order_log.write(ENTRIES[1:])
            assert path.stat().st_size == (before if size >= before else 0)
            # Room again: what is written now stands where it should.
            order_log.write(ENTRIES if size < before else ENTRIES[1:])
        assert path.read_bytes() == written


def test_other_title_begins_an_empty_order_log(order_log: OrderLog, path: Path) -> None:
    order_log.write(ENTRIES)
    assert order_log.open("season 4") == ()
    assert read(path) == ("", [])
    order_log.write(ENTRIES[:1])
    assert read(path) == ("season 4", ENTRIES[:1])


def test_same_title_goes_on_with_what_is_there(order_log: OrderLog, path: Path) -> None:
    order_log.write(ENTRIES[:2])
    with closing(OrderLog(path)) as later:
        assert list(later.open("season 3")) == ENTRIES[:2]
        later.write(ENTRIES[2:])
    assert read(path) == ("season 3", ENTRIES)


def test_nothing_to_write_leaves_no_title(order_log: OrderLog, path: Path) -> None:
    order_log.write([])
    assert path.stat().st_size == 0


def test_link_in_the_place_of_a_order_log_is_not_followed(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    path.symlink_to(other)
    with pytest.raises(OSError) as raised:
        OrderLog(path)
    assert (raised.value.errno, other.read_bytes()) == (errno.ELOOP, b"precious")


def test_nothing_stays_open(path: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    OrderLog(path).close()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
