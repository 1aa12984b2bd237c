"""The kernel of an agent that is a script: frames, memory, mutation. Needs the standard library."""

import os
import signal
import struct
import zlib

MOST_PAST = 64  # values that an agent remembers


class Agent:
    """What a gene sees: the values told so far, newest last, traits, and a forecast to set."""

    def __init__(self, hello):
        state = unpack(hello["state"]) if hello["state"] else {}
        self.genome = unpack(hello["genome"])
        self.seed = hello["seed"]
        self.past = list(state.get("past", ()))
        self.cycle = state.get("cycle", -1)
        self.forecast = 0.0

    def trait(self, name):
        return self.genome["traits"].get(name, 0.5)

    def answer(self, value, genes):
        self.past = [*self.past, value][-MOST_PAST:]
        self.forecast = value
        for gene in genes:
            gene(self)
        return float(self.forecast)

    def draw(self, *keys):
        return zlib.crc32(repr((self.seed, *keys)).encode()) / 2**32

    def mutate(self, cycle):
        """Once a cycle, at most, a function is switched on or off; the operator, or None."""
        if cycle == self.cycle:
            return None
        self.cycle = cycle
        spots = [pair for gene in self.genome["files"] for pair in gene["functions"]]
        if not spots or self.draw("mutate", cycle) >= self.trait("mutation_rate"):
            return None
        spot = spots[int(self.draw("spot", cycle) * len(spots))]
        spot[1] = not spot[1]
        counts = self.genome.setdefault("mutations", {})
        counts["function_flip"] = counts.get("function_flip", 0) + 1
        with open("state/.genome", "wb") as file:
            file.write(pack(self.genome))
        os.replace("state/.genome", "state/genome.bin")  # noqa: PTH105 - little is imported
        return "function_flip"


def live(genes):
    """Answer frames until told to stop."""
    agent, told = None, (None, None)
    while True:
        heard = hear()
        kind, tick = heard["kind"], heard["tick"]
        if kind == "hello":
            signal.alarm(heard["orphan_seconds"])
            orphaned, agent = heard["orphan_seconds"], agent or Agent(heard)
        signal.alarm(orphaned)  # who hears nothing for so long ends
        if kind == "percept":
            if told[0] != tick:
                mutated = agent.mutate(heard["cycle"])
                answers = [agent.answer(step, genes) for step in heard["steps"]]
                told = tick, {"answers": answers or [agent.forecast], "mutated": mutated}
            say(heard, "act", say=None, give=[], rest=False, fitness=None, **told[1])
        elif kind == "stop":
            say(heard, "bye", state=pack({"past": agent.past, "cycle": agent.cycle}))
            raise SystemExit(0)
        else:
            say(heard, "ready")


def hear():
    length, checksum = struct.unpack("<II", read(8))
    body = read(length)
    if zlib.crc32(body) != checksum:
        raise SystemExit("a frame with a wrong checksum")
    return unpack(body)


def read(count):
    data = b""
    while len(data) < count:
        data += os.read(3, count - len(data))
    return data


def say(heard, kind, **more):
    body = pack({"kind": kind, "epoch": heard["epoch"], "tick": heard["tick"], **more})
    data = struct.pack("<II", len(body), zlib.crc32(body)) + body
    while data:
        data = data[os.write(4, data) :]


# msgpack: all of it is read; written is what is needed, always at its longest.


def pack(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value) if value >= 0 else struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        return struct.pack(">BI", 0xDB, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, dict):
        inner = b"".join(pack(key) + pack(one) for key, one in value.items())
        return struct.pack(">BI", 0xDF, len(value)) + inner
    return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(pack, value))


def unpack(data):
    return _value(data, 0)[0]


def _value(data, at):
    """(what stands there, where the next begins)"""
    head, at = data[at], at + 1
    if head < 0x80 or head >= 0xE0:
        return head if head < 0x80 else head - 0x100, at
    if head < 0xC0:
        kind = "map" if head < 0x90 else "list" if head < 0xA0 else "str"
        return _many(kind, head & (31 if kind == "str" else 15), data, at)
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head], at
    form = _FORMS[head]
    size = struct.calcsize(form[-1])
    (found,) = struct.unpack_from(">" + form[-1], data, at)
    return (found, at + size) if len(form) == 1 else _many(form[0], found, data, at + size)


def _many(kind, count, data, at):
    if kind in ("str", "bytes"):
        inner = bytes(data[at : at + count])
        return inner.decode() if kind == "str" else inner, at + count
    found = []
    for _ in range(count * (2 if kind == "map" else 1)):
        value, at = _value(data, at)
        found.append(value)
    return dict(zip(found[::2], found[1::2], strict=True)) if kind == "map" else found, at


_FORMS = {
    **{0xC4 + n: ("bytes", "BHI"[n]) for n in range(3)},
    0xCA: "f",
    0xCB: "d",
    **{0xCC + n: "BHIQ"[n] for n in range(4)},
    **{0xD0 + n: "bhiq"[n] for n in range(4)},
    **{0xD9 + n: ("str", "BHI"[n]) for n in range(3)},
    **{0xDC + n: ("list", "HI"[n]) for n in range(2)},
    **{0xDE + n: ("map", "HI"[n]) for n in range(2)},
}
