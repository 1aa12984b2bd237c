"""Prints for ever at its first percept."""

import signal

import protocol

# Python ignores it; a program of any other language ends.
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def flood(heard):
    while True:
        print("w" * 65535)


protocol.live(flood)
