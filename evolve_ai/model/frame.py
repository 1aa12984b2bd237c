"""Owns the frame: how bodies become bytes on a pipe, and what an agent's bytes may say.

The contract is docs/agent-protocol.md.
"""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from msgpack import Packer, packb, unpackb

from evolve_ai.model.world import Act, Percept

MAX_BODY = 64 * 1024
MAX_LARGE_BODY = 192 * 1024
LARGE_KINDS = frozenset({"hello", "bye"})
MAX_STATE = 64 * 1024

# Beyond this a forecast is no forecast, and sums of squares of it would leave the floats.
MAX_NUMBER = 1e15
MAX_GIFTS = 64
MAX_NAME = 64

_HEADER = struct.Struct("<II")
_MAX_READY = 256  # bytes of a `ready` that is looked for in the middle of a stream
_MAX_COUNT = 2**63
_NUMBERS = frozenset({float, int})
_STRING_KEYS = {str}

Body = dict[str, Any]


class FrameError(ValueError):
    """A frame that breaks a rule. `before` holds the good bodies that came just before it."""

    def __init__(self, reason: str, before: Sequence[Body] = ()):
        super().__init__(reason)
        self.before = tuple(before)


def encode(body: Mapping[str, Any]) -> bytes:
    """One frame; FrameError when the body is too large for its kind."""
    packed: bytes = packb(body)
    _refuse_large(len(packed), body["kind"])
    return _HEADER.pack(len(packed), zlib.crc32(packed)) + packed


class Decoder:
    """Cuts a stream of bytes into bodies. After a FrameError the stream is lost."""

    __slots__ = ("_buffer", "_needed")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _HEADER.size

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Body]:
        """The bodies completed by these bytes; FrameError at the first broken frame."""
        if self._buffer:
            self._buffer += data
            # Whoever sends a frame byte by byte costs us an append each, not a copy of all.
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        bodies: list[Body] = []
        at, size = 0, len(data)
        self._needed = header = _HEADER.size
        while size - at >= header:
            length, checksum = _HEADER.unpack_from(data, at)
            if not 0 < length <= MAX_LARGE_BODY:
                raise FrameError(f"the length of a frame is given as {length} bytes", bodies)
            end = at + header + length
            if end > size:
                self._needed = header + length
                break
            packed = data[at + header : end]
            if zlib.crc32(packed) != checksum:
                raise FrameError(f"the checksum of a frame of {length} bytes is wrong", bodies)
            try:
                bodies.append(_unpack(packed))
            except FrameError as error:
                raise FrameError(str(error), bodies) from error
            at = end
        if at < size:
            self._buffer += data[at:]
        return bodies


class Finder:
    """A decoder for a stream that may begin in the middle of a frame, as one does that another
    has read before. What comes before the first `ready` of this epoch is skipped.
    """

    __slots__ = ("_buffer", "_decoder", "_epoch")

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._buffer = b""
        self._decoder: Decoder | None = None

    @property
    def pending(self) -> int:
        return self._decoder.pending if self._decoder else 0

    def feed(self, data: bytes) -> list[Body]:
        """The `ready`, once it has come, and what comes after it; FrameError as of Decoder."""
        if self._decoder is not None:
            return self._decoder.feed(data)
        self._buffer += data
        for at in range(len(self._buffer) - _HEADER.size):
            if self._is_ready(at):
                self._decoder, found = Decoder(), self._buffer[at:]
                self._buffer = b""
                return self._decoder.feed(found)
        self._buffer = self._buffer[-(_HEADER.size + _MAX_READY) :]
        return []

    def _is_ready(self, at: int) -> bool:
        length, checksum = _HEADER.unpack_from(self._buffer, at)
        packed = self._buffer[at + _HEADER.size : at + _HEADER.size + length]
        if not 0 < length <= _MAX_READY or len(packed) < length or zlib.crc32(packed) != checksum:
            return False
        try:
            body = _unpack(packed)
        except FrameError:
            return False
        return bool(body["kind"] == "ready" and body["epoch"] == self._epoch)


def _unpack(packed: bytes) -> Body:
    try:
        body = unpackb(packed)
    except Exception as error:  # msgpack raises several unrelated classes for broken input
        raise FrameError(f"a body is not msgpack: {error or type(error).__name__}") from error
    if type(body) is not dict or set(map(type, body)) != _STRING_KEYS:
        raise FrameError("a body must be a map with string keys")
    kind = body.get("kind")
    if type(kind) is not str:
        raise FrameError("kind must be a string")
    if type(body.get("epoch")) is not int:
        raise FrameError("epoch must be an integer")
    if type(body.get("tick")) is not int:
        raise FrameError("tick must be an integer")
    if len(packed) > MAX_BODY:
        _refuse_large(len(packed), kind)
    return body


def _refuse_large(size: int, kind: str) -> None:
    limit = MAX_LARGE_BODY if kind in LARGE_KINDS else MAX_BODY
    if size > limit:
        raise FrameError(f"the body of a {kind[:MAX_NAME]} has {size} bytes, {limit} are allowed")


def hello(
    *,
    epoch: int,
    tick: int,
    id: str,
    seed: int,
    genome: bytes,
    state: bytes | None,
    orphan_seconds: int,
    pool: Sequence[Mapping[str, Any]],
) -> Body:
    return {
        "kind": "hello",
        "epoch": epoch,
        "tick": tick,
        "id": id,
        "seed": seed,
        "genome": genome,
        "state": state,
        "orphan_seconds": orphan_seconds,
        "pool": list(pool),
    }


def percept(
    *,
    epoch: int,
    tick: int,
    cycle: int,
    percept: Percept,
    pool: Sequence[Mapping[str, Any]] | None = None,
) -> Body:
    body: Body = {
        "kind": "percept",
        "epoch": epoch,
        "tick": tick,
        "cycle": cycle,
        "steps": percept.steps,
        "heard": percept.heard,
        "energy": percept.energy,
    }
    return body if pool is None else {**body, "pool": list(pool)}


def ping(*, epoch: int, tick: int) -> Body:
    return {"kind": "ping", "epoch": epoch, "tick": tick}


def stop(*, epoch: int, tick: int) -> Body:
    return {"kind": "stop", "epoch": epoch, "tick": tick}


class PerceptEncoder:
    """Frames of one tick, for thousands of agents: what they share is packed once.

    `frame(p)` is byte for byte `encode(percept(..., percept=p))`.
    """

    def __init__(self, *, epoch: int, tick: int, cycle: int):
        self._fixed: dict[str, Any] = {"epoch": epoch, "tick": tick, "cycle": cycle}
        empty = packb(percept(**self._fixed, percept=Percept((), (), 0)))
        self._start = empty[: empty.index(b"\xa5steps") + len(b"\xa5steps")]
        self._pack: Callable[[Any], bytes] = Packer().pack
        # Keyed by identity: a tuple in here is held, so its address stays its own.
        self._heads: dict[int, tuple[tuple[float, ...], bytes, int]] = {}

    def frame(self, content: Percept, pool: Sequence[Mapping[str, Any]] | None = None) -> bytes:
        if pool is not None:
            return encode(percept(**self._fixed, percept=content, pool=pool))
        steps = content.steps
        cached = self._heads.get(id(steps))
        if cached is None:
            head = self._start + self._pack(steps) + b"\xa5heard"
            cached = self._heads[id(steps)] = (steps, head, zlib.crc32(head))
        _, head, checksum = cached
        tail = self._pack(content.heard) + b"\xa6energy" + self._pack(content.energy)
        size = len(head) + len(tail)
        if size > MAX_BODY:
            _refuse_large(size, "percept")
        return _HEADER.pack(size, zlib.crc32(tail, checksum)) + head + tail


def parse_act(body: Body, steps: int) -> Act:
    """What an agent answers to a percept of so many steps; FrameError for what makes no sense."""
    get = body.get
    rest = get("rest", False)
    if type(rest) is not bool:
        raise FrameError("rest must be a boolean")
    say, give, fitness, mutated = get("say"), get("give"), get("fitness"), get("mutated")
    if mutated is not None and (type(mutated) is not str or not 0 < len(mutated) <= MAX_NAME):
        raise FrameError(f"mutated must be a name of 1 to {MAX_NAME} characters, or nil")
    # Most say nothing and give nothing; at thousands a tick, a call not made is time saved.
    return Act(
        _answers(get("answers"), steps or 1),
        None if say is None else _number(say, "say"),
        _gifts(give) if give else (),
        rest,
        None if fitness is None else _number(fitness, "fitness"),
        mutated,
    )


def parse_bye(body: Body) -> bytes | None:
    """The state that an agent leaves behind."""
    state = body.get("state")
    if state is None:
        return None
    if type(state) is not bytes or len(state) > MAX_STATE:
        raise FrameError(f"state must be binary of at most {MAX_STATE} bytes, or nil")
    return state


def _answers(items: Any, expected: int) -> tuple[float, ...]:
    if type(items) is not list or len(items) != expected:
        found = len(items) if type(items) is list else type(items).__name__
        raise FrameError(f"answers must be an array of {expected} numbers, not {found}")
    kinds = set(map(type, items))
    if not kinds <= _NUMBERS:
        raise FrameError("answers must be numbers")
    # A sum is finite only if every part is; that is checked at the speed of C.
    if not isfinite(sum(items)) or max(items) > MAX_NUMBER or min(items) < -MAX_NUMBER:
        raise FrameError(f"answers must be finite, from {-MAX_NUMBER:g} to {MAX_NUMBER:g}")
    return tuple(items) if int not in kinds else tuple(map(float, items))


def _number(value: Any, name: str) -> float:
    if type(value) not in _NUMBERS or not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise FrameError(f"{name} must be a finite number or nil, not {str(value)[:60]!r}")
    return float(value)


def _gifts(items: Any) -> tuple[tuple[int, int], ...]:
    if type(items) is not list or len(items) > MAX_GIFTS:
        raise FrameError(f"give must be an array of at most {MAX_GIFTS} pairs")
    for pair in items:
        if type(pair) is not list or len(pair) != 2:
            raise FrameError("give must hold pairs [slot, amount]")
    return tuple((_count(slot, "slot"), _count(amount, "amount")) for slot, amount in items)


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < _MAX_COUNT:
        raise FrameError(f"{name} must be an integer, 0 or more")
    return value
