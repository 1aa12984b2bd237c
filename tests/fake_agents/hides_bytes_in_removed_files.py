"""Keeps three mebibytes in files that it has removed at its first percept, and behaves well."""

from pathlib import Path

import protocol

HELD = []


def hide(heard):
    for number in range(3):
        path = Path("state") / str(number)
        file = path.open("wb")
        file.write(b"x" * 2**20)
        file.flush()
        path.unlink()
        HELD.append(file)
    protocol.act(heard)


protocol.live(hide)
