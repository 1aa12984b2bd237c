"""Writes more than a mebibyte into a folder of its state at its first percept, and behaves well."""

from pathlib import Path

import protocol


def fill(heard):
    folder = Path("state") / "deep"
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(b"x" * (2**20 + 1))
    protocol.act(heard)


protocol.live(fill)
