"""Starts a child that holds its pipes, names it in its log, and dies at its first percept."""

import os
import time

import protocol


def leave(heard):
    child = os.fork()
    if child == 0:
        time.sleep(3600)
    print("child", child, flush=True)
    os._exit(4)


protocol.live(leave)
