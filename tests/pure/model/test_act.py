"""What an act may say, and that it is read alike whether it comes in one piece or in several."""

import struct
import zlib

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolve_ai.model import act, frame
from evolve_ai.model.act import parse_act, read_act
from evolve_ai.model.frame import Decoder, FrameError
from evolve_ai.model.world import Act

EPOCH, TICK = 1, 2

numbers = st.floats() | st.integers(-(2**63), 2**64 - 1) | st.booleans()
names = st.text(max_size=70)
junk = st.recursive(
    st.none() | numbers | names | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {"kind": st.just("act") | names, "epoch": st.just(1) | numbers, "tick": st.just(2) | numbers},
    optional={
        "answers": st.lists(numbers, min_size=1, max_size=3) | junk,
        "say": st.none() | numbers | junk,
        "give": st.lists(st.lists(numbers, min_size=2, max_size=2), max_size=70) | junk,
        "rest": st.booleans() | junk,
        "fitness": st.none() | numbers | junk,
        "mutated": st.none() | names | junk,
        "other": junk,
    },
)


def body(**more: object) -> dict[str, object]:
    return {"kind": "act", "epoch": EPOCH, "tick": TICK, "answers": [0.5], **more}


def raw(packed: bytes) -> bytes:
    return struct.pack("<II", len(packed), zlib.crc32(packed)) + packed


def in_pieces(data: bytes, steps: int) -> Act | None:
    """What is made of it when it does not come alone."""
    try:
        [found] = Decoder().feed(data)
        if (found["kind"], found["epoch"], found["tick"]) == ("act", EPOCH, TICK):
            return parse_act(found, steps)
    except FrameError:
        pass
    return None


def same(one: Act | None, other: Act | None) -> bool:
    return repr(one) == repr(other)  # -0.0 is not 0.0, 1 is not 1.0


@given(bodies, st.integers(0, 3))
@example(body(), 0)
@example(body(answers=[1, True]), 2)
@example(body(give=[[1, 1.0]]), 1)
def test_act_is_the_same_however_it_comes(sent, steps):
    data = raw(msgpack.packb(sent))
    found = read_act(data, EPOCH, TICK, steps)
    plain = "other" not in sent
    assert same(found, in_pieces(data, steps) if plain else None)


@given(st.binary(max_size=60), st.data())
def test_what_is_read_of_damaged_bytes_is_the_same_however_they_come(rubbish, data):
    good = msgpack.packb(body(say=0.25, give=[[0, 5]], mutated="swap"))
    at = data.draw(st.integers(0, len(good)))
    until = data.draw(st.integers(at, min(len(good), at + 4)))
    whole = raw(good[:at] + rubbish[: data.draw(st.integers(0, 4))] + good[until:])
    found = read_act(whole, EPOCH, TICK, 1)
    assert found is None or same(found, in_pieces(whole, 1))


@pytest.mark.parametrize("twice", [("answers", [0.5], [0.25]), ("rest", True, False)])
def test_key_that_comes_twice_has_its_last_value_however_it_comes(twice):
    key, first, last = twice
    fields = list({**body(), key: last}.items())
    packed = b"".join(msgpack.packb(one) for pair in [(key, first), *fields] for one in pair)
    data = raw(bytes([0x80 | len(fields) + 1]) + packed)
    assert same(read_act(data, EPOCH, TICK, 1), in_pieces(data, 1))


@pytest.mark.parametrize(
    "broken", [b"\xa1\xff", b"\xc1", b"\xd4\xff\x00", b"\x91" * 2000 + b"\xc0"]
)
def test_what_nobody_needs_must_be_whole_however_it_comes(broken):
    packed = msgpack.packb(body())
    data = raw(bytes([packed[0] + 1]) + packed[1:] + msgpack.packb("other") + broken)
    assert read_act(data, EPOCH, TICK, 1) is None


def test_one_byte_too_few_too_many_or_wrong_is_no_frame():
    data = frame.encode(body())
    assert read_act(data, EPOCH, TICK, 1) == Act((0.5,))
    for other in (b"", data[:7], data[:-1], data + b"\0", data + data, data[:-1] + b"\xff"):
        assert read_act(other, EPOCH, TICK, 1) is None


@pytest.mark.parametrize(("epoch", "tick", "steps"), [(0, 2, 1), (1, 3, 1), (1, 2, 2)])
def test_act_for_another_question_is_left_to_whoever_knows_why(epoch, tick, steps):
    assert read_act(frame.encode(body()), epoch, tick, steps) is None


def test_act_is_read_with_defaults_and_integers_made_floats():
    parsed = parse_act(body(answers=[1, 2.5], give=[[0, 1000]], mutated="swap"), 2)
    assert parsed.answers == (1.0, 2.5)
    assert all(type(answer) is float for answer in parsed.answers)
    assert (parsed.say, parsed.give, parsed.rest) == (None, ((0, 1000),), False)
    assert parse_act(body(), 0).answers == (0.5,)


@pytest.mark.parametrize(
    "more",
    [
        {"answers": []},
        {"answers": [0.1, 0.2]},
        {"answers": None},
        {"answers": "x"},
        {"answers": [True]},
        {"answers": [float("nan")]},
        {"answers": [float("inf")]},
        {"answers": [1e16]},
        {"answers": [2**63]},
        {"say": float("nan")},
        {"say": "hello"},
        {"fitness": float("inf")},
        {"fitness": True},
        {"rest": 1},
        {"mutated": ""},
        {"mutated": "x" * 65},
        {"mutated": 7},
        {"give": {"slot": 1}},
        {"give": [[1]]},
        {"give": [[-1, 5]]},
        {"give": [[1, -5]]},
        {"give": [[1, 0.5]]},
        {"give": [[1, 1]] * 65},
    ],
)
def test_act_that_makes_no_sense_is_refused(more):
    with pytest.raises(FrameError):
        parse_act(body(**more), 1)


@given(st.lists(st.floats(), min_size=1, max_size=70))
def test_no_act_with_a_wild_number_passes(answers):
    sane = all(-act.MAX_NUMBER <= answer <= act.MAX_NUMBER for answer in answers)
    if sane:
        assert parse_act(body(answers=answers), len(answers)).answers == tuple(answers)
    else:
        with pytest.raises(FrameError):
            parse_act(body(answers=answers), len(answers))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"answers": [float("nan")]}, "answers[0] must be finite, from -1e+15 to 1e+15"),
        ({"say": 1e16}, "say must be finite, from -1e+15 to 1e+15"),
        ({"answers": [0.1, 0.2]}, "answers must be an array of 1 numbers, not 2"),
        ({"rest": 1}, "rest: Expected `bool`, got `int`"),
        ({"give": [[-1, 5]]}, "give[0][0]: Expected `int` >= 0"),
    ],
)
def test_reason_names_the_place_and_the_rule(more, reason):
    with pytest.raises(FrameError) as error:
        parse_act(body(**more), 1)
    assert str(error.value) == reason
