"""Tells with its first act whether it could read, write and remove files beside its own folder."""

from pathlib import Path

import protocol

SIBLING = Path("..") / "sibling"


def could(deed):
    try:
        deed()
    except OSError:
        return 0
    return 1


def spy(heard):
    done = [
        could(lambda: (SIBLING / "genome.bin").read_bytes()),
        could(lambda: (SIBLING / "genome.bin").write_bytes(b"mine")),
        could(lambda: Path("Cargo.toml").write_bytes(b"mine")),
        could(lambda: (Path("state") / "note").write_bytes(b"mine")),
    ]
    protocol.act(heard, answers=[float("".join(map(str, done)))])


protocol.live(spy)
