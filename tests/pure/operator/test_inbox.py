"""Tests of the inbox."""

import os
from pathlib import Path

from evolve_ai.operator.inbox import Command, post, waiting


def commands(inbox: Path) -> list[Command | None]:
    return [command for _, command in waiting(inbox)]


def test_commands_come_out_in_the_order_of_their_posting(tmp_path: Path) -> None:
    inbox = tmp_path / "workspace" / "inbox"
    for count in range(1, 13):
        post(inbox, Command("init", {"count": count}))
    assert commands(inbox) == [Command("init", {"count": n}) for n in range(1, 13)]


def test_no_inbox_means_no_commands(tmp_path: Path) -> None:
    assert waiting(tmp_path / "none") == ()


def test_file_that_is_no_command_is_told_as_such(tmp_path: Path) -> None:
    bodies = [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"command": "init"}',
        b'{"command": "init", "arguments": 7}',
        b'{"command": "init", "arguments": "ab"}',
        b"[" * 100_000,
    ]
    for number, body in enumerate(bodies):
        (tmp_path / f"{number}-x.json").write_bytes(body)
    assert commands(tmp_path) == [None] * len(bodies)


def test_names_without_a_number_break_neither_reading_nor_posting(tmp_path: Path) -> None:
    for name in ("by-hand.json", "-1-x.json", "²-x.json", "9" * 200 + "-x.json"):
        (tmp_path / name).write_text('{"command": "early", "arguments": {}}')
    post(tmp_path, Command("init", {}))
    found = [command.name for command in commands(tmp_path) if command]
    assert found == ["early"] * 4 + ["init"]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "1-folder.json").mkdir()
    os.mkfifo(tmp_path / "2-pipe.json")
    (tmp_path / "3-link.json").symlink_to("/dev/zero")
    (tmp_path / "4-half.json.tmp").write_text("{")
    assert waiting(tmp_path) == ()
