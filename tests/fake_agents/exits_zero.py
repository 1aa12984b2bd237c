"""Ends with code 0 at its first percept, unasked."""

import protocol


def leave(heard):
    raise SystemExit(0)


protocol.live(leave)
