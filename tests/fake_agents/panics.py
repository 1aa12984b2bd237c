"""Aborts at its first percept, as a Rust program with panic=abort does."""

import os
import sys

import protocol


def panic(heard):
    print(
        "thread 'main' panicked at src/genes/neural.rs:3:5:\nindex out of bounds\x1b[31m\n"
        "note: run with `RUST_BACKTRACE=1`",
        file=sys.stderr,
        flush=True,
    )
    os.abort()


protocol.live(panic)
