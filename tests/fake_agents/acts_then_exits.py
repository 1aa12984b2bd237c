"""Answers its first percept well, then dies with code 7."""

import protocol


def act_and_leave(heard):
    protocol.act(heard)
    raise SystemExit(7)


protocol.live(act_and_leave)
