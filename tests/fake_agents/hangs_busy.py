"""Computes for ever at its first percept."""

import protocol


def compute(heard):
    while True:
        pass


protocol.live(compute)
