"""Changes msgpack as msgpack: bytes turned at random break it, and reach little behind that."""

import copy
import random
import struct
from collections.abc import Callable
from typing import Any

import msgpack

Node = list[Any]
LEAVES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 63, 64, 127, 128, -33, 2**31, 2**53 + 1, 2**63 - 1, 2**63,
    2**64 - 1, -(2**63), 0.0, -0.0, 0.5, 1.0, 1e15, 1.1e15, 1e308, float("nan"), float("inf"),
    "", "a", "fn", "_", "self", "r#fn", "é" * 40, "\0", "x" * 300, "n" * 64, "n" * 65, "0" * 64,
    "g" * 64, "src/genes/a.rs", "src/genes/.rs", "src/genes/../a.rs", f"src/genes/{'n' * 65}.rs",
    "3f2b8c1e-9d4a-4c77-8a61-0e5f7b2d9c10", "3F2B8C1E-9D4A-4C77-8A61-0E5F7B2D9C10",
    b"", b"v", b"\xff" * 70, [], {}, [[]], [["a", True]], [["a", True], ["a", False]],
    msgpack.ExtType(1, b"x"), msgpack.Timestamp(1, 1),
]  # fmt: skip


class Map(list[tuple[Any, Any]]):
    """A map as its pairs, so that a key may stand in it twice."""


class Raw(bytes):
    """Bytes that are packed as they are: codes that nobody sends."""


RAW = [
    b"\xc1", b"\xca\x3f\0\0\0", b"\xcc\x01", b"\xcf" + b"\0" * 8, b"\xd9\x01a", b"\xdc\0\0",
    b"\xdf\0\0\0\0", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xa2\xc3\x28",
    b"\xa3\xed\xa0\x80", b"\xd6\xff\xff\xff\xff\xff", b"\xc7\x05\xff\0\0\0\0\0",
    b"\xd7\xff" + b"\xff" * 8, b"\xc7\x0c\xff" + b"\xff" * 12, b"\xd4\x05\0",
]  # fmt: skip


def mutator(prefix: int) -> Callable[[bytes, int, int], bytes]:
    """For a body behind so many bytes; every third time, and for no msgpack, bytes as bytes."""

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        head, body = data[:prefix], data[prefix:]
        try:
            root = [msgpack.unpackb(body, object_pairs_hook=Map, strict_map_key=False)]
        except Exception:
            root = []
        if not root or rng.random() < 0.34:
            return turned(data, rng)[:most]
        try:
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                change(root, rng)
            return (head + pack(root[0]))[:most]
        except RecursionError:
            return turned(data, rng)[:most]

    return mutate


def turned(data: bytes, rng: random.Random) -> bytes:
    """Some bytes overwritten, left out, put in, or repeated."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        piece = rng.choice((rng.choice(RAW), rng.randbytes(rng.randrange(1, 5)), data[at : at + 9]))
        data = data[:at] + piece + data[at + rng.choice((0, len(piece), rng.randrange(9))) :]
        if rng.random() < 0.2:
            at = rng.randrange(len(data) + 1)
            data = data[:at] + data[at + rng.randrange(20) :]
    return data


def change(root: Node, rng: random.Random) -> None:
    places = list(spots(root))
    holder, at = rng.choice(places)
    value = holder[at]
    kind = rng.random()
    if kind < 0.4:
        holder[at] = other(value, rng)
    elif kind < 0.5 and holder is not root:
        del holder[at]
    elif kind < 0.6 and holder is not root:
        holder.insert(rng.randrange(len(holder) + 1), value)
    elif kind < 0.7:
        there, where = rng.choice(places)
        if not isinstance(there, Map) and not isinstance(holder, Map):
            holder[at] = copy.deepcopy(there[where])
    elif kind < 0.75:
        for _ in range(rng.choice((1, 30, 61, 62, 63, 64, 65, 500))):
            holder[at] = (
                (holder[at][0], [holder[at][1]]) if isinstance(holder, Map) else [holder[at]]
            )
    elif isinstance(holder, Map):
        key, inner = value
        fresh = key if rng.random() < 0.7 else rng.choice([*LEAVES, f"{key}x", "other"])
        holder[at] = (fresh, other(inner, rng))
    else:
        holder[at] = other(value, rng)


def other(value: Any, rng: random.Random) -> Any:
    if isinstance(value, tuple):
        return (value[0], other(value[1], rng))
    chance = rng.random()
    if chance < 0.15:
        return Raw(rng.choice(RAW))
    if chance < 0.4 and isinstance(value, int | float):
        return rng.choice((value + 1, value - 1, -value, value * 2, float(value)))
    if chance < 0.4 and isinstance(value, str) and value:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice("a.A/\n 0é\0") + value[at + rng.randrange(2) :]
    return copy.deepcopy(rng.choice(LEAVES))  # it may be changed itself, later


def spots(holder: Node, depth: int = 0) -> Any:
    """Every place in which a value stands: what holds it, and where."""
    for at, value in enumerate(holder):
        yield holder, at
        inner = value[1] if isinstance(holder, Map) else value
        if isinstance(inner, list) and depth < 70:
            yield from spots(inner, depth + 1)


def pack(value: Any) -> bytes:
    """Without the limits of a writer: whatever stands there."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, Map):
        pairs = b"".join(pack(key) + pack(inner) for key, inner in value)
        return _head(len(value), 0x80, b"\xde") + pairs
    if isinstance(value, list):
        return _head(len(value), 0x90, b"\xdc") + b"".join(map(pack, value))
    if isinstance(value, dict):
        return pack(Map(value.items()))
    try:
        return bytes(msgpack.packb(value))
    except (OverflowError, ValueError):
        return b"\xc0"


def _head(count: int, fix: int, wide: bytes) -> bytes:
    return bytes([fix + count]) if count < 16 else wide + struct.pack(">H", count & 0xFFFF)
