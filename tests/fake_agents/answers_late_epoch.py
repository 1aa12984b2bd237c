"""Sends an act of an older run before each good one."""

import protocol


def act(heard):
    protocol.act({**heard, "epoch": heard["epoch"] - 1})
    protocol.act(heard)


protocol.live(act)
