"""Makes a hundred files in its state folder at its first percept, and behaves well."""

from pathlib import Path

import protocol


def flood(heard):
    for number in range(100):
        (Path("state") / str(number)).touch()
    protocol.act(heard)


protocol.live(flood)
