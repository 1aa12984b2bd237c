"""The frame: how bodies become bytes on a pipe, and what bytes an agent may send.

The contract is docs/agent-protocol.md.
"""

import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgpack import packb, unpackb
from msgspec.msgpack import Encoder

from evolve_ai.model.world import Percept

MAX_BODY = 64 * 1024
MAX_LARGE_BODY = 192 * 1024
LARGE_KINDS = frozenset({"hello", "bye"})
MAX_STATE = 64 * 1024
# So many steps take an agent as long as one answer, and their answers fit into one act.
MAX_STEPS_OF_FRAME = 1024

MAX_NAME = 64

HEADER = struct.Struct("<II")
_MAX_READY = 256  # bytes of a `ready` that is searched for in the middle of a stream
_READY_LENGTH = re.compile(
    rb"(?=(?:[^\x00]\x00|\x00\x01)\x00\x00)", re.DOTALL
)  # 1 to 256, little-endian
# A longer array cannot answer a percept, since that many steps would not fit in one. The limit
# guards against nested arrays that announce many items: they would cost far more than their bytes.
_MAX_ARRAY = MAX_BODY // 9
_STRING_KEYS = {str}

Body = dict[str, Any]


class FrameError(ValueError):
    """A frame breaks a rule. `before` has the valid bodies that came just before it."""

    def __init__(self, reason: str, before: Sequence[Body] = ()):
        super().__init__(reason)
        self.before = tuple(before)


def encode(body: Mapping[str, Any]) -> bytes:
    """One frame; FrameError when the body is too large for its kind."""
    packed: bytes = packb(body)
    _refuse_large(len(packed), body["kind"])
    return HEADER.pack(len(packed), zlib.crc32(packed)) + packed


class Decoder:
    """Cuts a stream of bytes into bodies. After a FrameError the stream is unusable."""

    __slots__ = ("_buffer", "_needed")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = HEADER.size

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Body]:
        """The bodies completed by these bytes; FrameError at the first broken frame."""
        if self._buffer:
            self._buffer += data
            # A frame that is sent byte by byte must not cost a copy of the buffer per byte.
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        bodies: list[Body] = []
        at, size = 0, len(data)
        self._needed = header = HEADER.size
        while size - at >= header:
            length, checksum = HEADER.unpack_from(data, at)
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
    """A decoder for a stream that may begin in the middle of a frame, because another process has
    read from it before. It skips everything before the first `ready` of this epoch.
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
        """The `ready`, once it has come, and the bodies after it; FrameError like Decoder."""
        if self._decoder is not None:
            return self._decoder.feed(data)
        self._buffer += data
        for place in _READY_LENGTH.finditer(self._buffer):
            at = place.start()
            if self._is_ready(at):
                self._decoder, found = Decoder(), self._buffer[at:]
                self._buffer = b""
                return self._decoder.feed(found)
        self._buffer = self._buffer[-(HEADER.size + _MAX_READY) :]
        return []

    def _is_ready(self, at: int) -> bool:
        if len(self._buffer) - at < HEADER.size:
            return False
        length, checksum = HEADER.unpack_from(self._buffer, at)
        packed = self._buffer[at + HEADER.size : at + HEADER.size + length]
        if len(packed) < length or zlib.crc32(packed) != checksum:
            return False
        try:
            body = _unpack(packed)
        except FrameError:
            return False
        return bool(body["kind"] == "ready" and body["epoch"] == self._epoch)


def _unpack(packed: bytes) -> Body:
    try:
        body = unpackb(packed, max_array_len=_MAX_ARRAY)
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
    """Encodes frames of one tick for thousands of agents; what they share is packed once.

    `frame(p)` equals `encode(percept(..., percept=p))` byte for byte.
    """

    def __init__(self, *, epoch: int, tick: int, cycle: int):
        self._fixed: dict[str, Any] = {"epoch": epoch, "tick": tick, "cycle": cycle}
        empty = packb(percept(**self._fixed, percept=Percept((), (), 0)))
        self._start = empty[: empty.index(b"\xa5steps") + len(b"\xa5steps")]
        self._pack: Callable[[Any], bytes] = Encoder().encode  # takes half the time of msgpack's
        # Keyed by id(): the dictionary holds each tuple, so no other object gets its address.
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
        # Without its first byte, an array of three is its three items one after the other.
        tail = self._pack((content.heard, "energy", content.energy))[1:]
        size = len(head) + len(tail)
        if size > MAX_BODY:
            _refuse_large(size, "percept")
        return HEADER.pack(size, zlib.crc32(tail, checksum)) + head + tail


def parse_bye(body: Body) -> bytes | None:
    """The state that an agent leaves; FrameError when it is malformed or too large."""
    state = body.get("state")
    if state is None:
        return None
    if type(state) is not bytes or len(state) > MAX_STATE:
        raise FrameError(f"state must be binary of at most {MAX_STATE} bytes, or nil")
    return state
