"""Stops in the middle of a frame, and waits."""

import protocol


def half(heard):
    protocol.write(protocol.frame({"kind": "act"})[:12])


protocol.live(half)
