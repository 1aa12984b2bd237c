"""Answers with a frame whose checksum is that of another body."""

import protocol


def lie(heard):
    sound = protocol.frame({"kind": "act", "epoch": heard["epoch"], "tick": heard["tick"]})
    protocol.write(sound[:4] + bytes(4) + sound[8:])


protocol.live(lie)
