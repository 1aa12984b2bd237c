"""Answers its first percept twice, in one write."""

import protocol


def twice(heard):
    body = {"kind": "act", "epoch": heard["epoch"], "tick": heard["tick"], "answers": [1.0]}
    protocol.write(protocol.frame(body) * 2)


protocol.live(twice)
