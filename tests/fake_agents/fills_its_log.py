"""Prints two megabytes at each percept, and behaves well."""

import protocol


def chatter(heard):
    for number in range(2000):
        print(number, "z" * 1000)
    print("the end", flush=True)
    protocol.act(heard)


protocol.live(chatter)
