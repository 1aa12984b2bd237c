"""Reads nothing for a while, so that large percepts do not fit its pipe."""

import time

import protocol


def ready_then_sleep(heard):
    protocol.answer(heard, "ready")
    time.sleep(0.3)


protocol.live(on_hello=ready_then_sleep)
