"""Never wants to be restarted."""

import protocol


def leave(heard):
    raise SystemExit(125)


protocol.live(leave)
