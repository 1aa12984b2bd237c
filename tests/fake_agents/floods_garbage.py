"""Writes what is no frame, for ever, at its first percept."""

import protocol


def flood(heard):
    while True:
        protocol.write(b"\xff" * 65536)


protocol.live(flood)
