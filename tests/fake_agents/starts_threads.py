"""Starts as many threads as it can, up to eight, at its first percept, and tells how many."""

import _thread
import time

import protocol


def start(heard):
    started = 0
    _thread.stack_size(1 << 18)  # bytes: eight small ones fit into its memory, whatever it holds
    try:
        while started < 7:
            _thread.start_new_thread(time.sleep, (600,))
            started += 1
    except RuntimeError:
        pass
    protocol.act(heard, answers=[float(started)])


protocol.live(start)
