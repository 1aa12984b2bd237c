"""The act (an agent's answer), and a fast way to read thousands of acts per tick.

The contract is docs/agent-protocol.md.
"""

import zlib
from math import isfinite
from typing import Annotated, Literal

from msgspec import Meta, MsgspecError, Struct, ValidationError, convert
from msgspec.msgpack import Decoder

from evolve_ai.model.frame import HEADER, MAX_BODY, MAX_NAME, Body, FrameError
from evolve_ai.model.world import Act

# Larger forecasts make no sense, and sums of their squares would overflow floats.
MAX_NUMBER = 1e15
MAX_GIFTS = 64

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Gifts = Annotated[tuple[tuple[_Natural, _Natural], ...], Meta(max_length=MAX_GIFTS)]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class _Body(Struct, gc=False):
    kind: Literal["act"]
    epoch: int
    tick: int
    answers: tuple[_Number, ...]
    say: _Number | None = None
    give: _Gifts | None = None
    rest: bool = False
    fitness: _Number | None = None
    mutated: _Name | None = None


class _PlainBody(_Body, gc=False, forbid_unknown_fields=True):
    """A body without unknown fields: msgspec would skip those unread, even broken ones."""


_decode = Decoder(_PlainBody).decode
_unpack, _crc32 = HEADER.unpack_from, zlib.crc32


def read_act(data: bytes, epoch: int, tick: int, steps: int) -> Act | None:
    """The act, if these bytes are exactly one frame with a valid act for this tick.

    After None the bytes may still be valid: Decoder and parse_act() find out what they are.
    """
    size = len(data) - HEADER.size
    if not 0 < size <= MAX_BODY:
        return None
    packed = data[HEADER.size :]
    if _unpack(data) != (size, _crc32(packed)):
        return None
    try:
        body = _decode(packed)
    except (MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    right = body.tick == tick and body.epoch == epoch and len(body.answers) == (steps or 1)
    return _as_act(body) if right and _is_finite(body) else None


def parse_act(body: Body, steps: int) -> Act:
    """The act in answer to a percept of so many steps; FrameError for an invalid one."""
    try:
        return _act(convert(body, _Body), steps)
    except ValidationError as error:
        raise FrameError(_reason(error)) from error


def _reason(error: ValidationError) -> str:
    """The message of msgspec, reworded where it uses its own notation."""
    what, _, path = str(error).partition(" - at `$.")
    where = path.rstrip("`") or "an act"
    if what.startswith(("Expected `float` >=", "Expected `float` <=")):
        return f"{where} must be finite, from {-MAX_NUMBER:g} to {MAX_NUMBER:g}"
    return f"{where}: {what}"


def _act(body: _Body, steps: int) -> Act:
    expected = steps or 1
    if len(body.answers) != expected:
        raise FrameError(f"answers must be an array of {expected} numbers, not {len(body.answers)}")
    if not _is_finite(body):
        raise FrameError("answers, say and fitness must be finite")
    return _as_act(body)


def _is_finite(body: _Body) -> bool:
    """Bounds do not exclude NaN; but the sum is NaN if any of them is."""
    return isfinite(sum(body.answers) + (body.say or 0.0) + (body.fitness or 0.0))


def _as_act(body: _Body) -> Act:
    return Act(body.answers, body.say, body.give or (), body.rest, body.fitness, body.mutated)
