"""Prints a lot, and behaves well."""

import protocol


def chatter(heard):
    print("x" * 1000 + "\n" + "y" * 1000, flush=True)
    protocol.act(heard)


protocol.live(chatter)
