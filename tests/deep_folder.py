"""Owns folders within folders, deeper than a recursion can reach."""

import os
from pathlib import Path


def dig(folder: Path, depth: int = 1100) -> None:
    """So many of them in this one, which is made."""
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
