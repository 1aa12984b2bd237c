"""The act: what the answer of an agent may say, and how thousands a tick are read.

The contract is docs/agent-protocol.md.
"""

import zlib
from math import isfinite
from typing import Annotated, Literal

from msgspec import Meta, MsgspecError, Struct, ValidationError, convert
from msgspec.msgpack import Decoder

from evolve_ai.model.frame import HEADER, MAX_BODY, MAX_NAME, Body, FrameError
from evolve_ai.model.world import Act

# Beyond this a forecast is no forecast, and sums of squares of it would leave the floats.
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
    """Without anything that would be skipped unread, and so might be broken."""


_decode = Decoder(_PlainBody).decode


def read_act(data: bytes, epoch: int, tick: int, steps: int) -> Act | None:
    """The act, if these bytes are one frame with a valid act for this tick and nothing more.

    None decides nothing: Decoder and parse_act() then tell what else it is, or what is wrong.
    """
    size = len(data) - HEADER.size
    if not 0 < size <= MAX_BODY:
        return None
    length, checksum = HEADER.unpack_from(data)
    packed = data[HEADER.size :]
    if length != size or zlib.crc32(packed) != checksum:
        return None
    try:
        body = _decode(packed)
        if body.tick == tick and body.epoch == epoch:
            return _act(body, steps)
    except (MsgspecError, FrameError, RecursionError, UnicodeDecodeError):
        pass
    return None


def parse_act(body: Body, steps: int) -> Act:
    """What an agent answers to a percept of so many steps; FrameError for what makes no sense."""
    try:
        return _act(convert(body, _Body), steps)
    except ValidationError as error:
        raise FrameError(_reason(error)) from error


def _reason(error: ValidationError) -> str:
    """In our words where those of msgspec are about its own notation."""
    what, _, path = str(error).partition(" - at `$.")
    where = path.rstrip("`") or "an act"
    if what.startswith(("Expected `float` >=", "Expected `float` <=")):
        return f"{where} must be finite, from {-MAX_NUMBER:g} to {MAX_NUMBER:g}"
    return f"{where}: {what}"


def _act(body: _Body, steps: int) -> Act:
    answers, say, fitness = body.answers, body.say, body.fitness
    expected = steps or 1
    if len(answers) != expected:
        raise FrameError(f"answers must be an array of {expected} numbers, not {len(answers)}")
    # Each is within bounds or no number at all, and then so is the sum.
    if not isfinite(sum(answers) + (say or 0.0) + (fitness or 0.0)):
        raise FrameError("answers, say and fitness must be finite")
    return Act(answers, say, body.give or (), body.rest, fitness, body.mutated)
