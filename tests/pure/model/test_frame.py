"""The frame codec against hypothesis, shared vectors and the rules of docs/agent-protocol.md."""

import json
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model import frame
from evolve_ai.model.act import parse_act, read_act
from evolve_ai.model.frame import Decoder, Finder, FrameError, PerceptEncoder
from evolve_ai.model.world import Percept

VECTORS = Path(__file__).parents[2] / "vectors" / "frames.txt"

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
counts = st.integers(0, 2**63 - 1)
percepts = st.builds(
    Percept,
    steps=st.lists(finite, max_size=80).map(tuple),
    heard=st.lists(st.none() | finite, max_size=8).map(tuple),
    energy=st.integers(-(2**63), 2**63 - 1),
)
bodies = st.fixed_dictionaries(
    {"kind": st.sampled_from(["act", "ready", "ping"]), "epoch": counts, "tick": counts},
    optional={"answers": st.lists(finite), "state": st.binary(max_size=300), "say": st.none()},
)


def raw(packed: bytes) -> bytes:
    return struct.pack("<II", len(packed), zlib.crc32(packed)) + packed


def act(**more: object) -> dict[str, object]:
    return {"kind": "act", "epoch": 1, "tick": 2, "answers": [0.5], **more}


@given(st.lists(bodies, max_size=5), st.data())
def test_bodies_survive_any_cutting_of_the_stream(sent, data):
    stream = b"".join(frame.encode(body) for body in sent)
    decoder, got = Decoder(), []
    for piece in cut(stream, data):
        got += decoder.feed(piece)
    assert got == sent
    assert decoder.pending == 0


def cut(stream: bytes, data: st.DataObject) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(st.lists(bodies, max_size=4), st.binary(max_size=600), st.lists(bodies), st.data())
def test_ready_of_the_epoch_is_found_wherever_a_stream_begins_and_is_cut(
    before, rubbish, after, data
):
    epoch = 2**63  # of none of the others
    ready = {"kind": "ready", "epoch": epoch, "tick": 3}
    old = b"".join(map(frame.encode, before))
    old = old[data.draw(st.integers(0, len(old))) :] + rubbish
    finder, got = Finder(epoch), []
    for piece in cut(old + b"".join(map(frame.encode, [ready, *after])), data):
        got += finder.feed(piece)
    assert got == [ready, *after]
    assert finder.pending == 0


@given(st.binary(max_size=600), st.data())
def test_after_the_ready_a_broken_frame_is_one(rubbish, data):
    ready = {"kind": "ready", "epoch": 9, "tick": 3}
    finder, got = Finder(9), []
    with pytest.raises(FrameError, match="given as 0 bytes") as raised:
        for piece in cut(rubbish + frame.encode(ready) + bytes(8), data):
            got += finder.feed(piece)
    assert [*got, *raised.value.before] == [ready]


def test_finder_takes_no_other_word_for_its_ready():
    ready = frame.encode({"kind": "ready", "epoch": 9, "tick": 3})
    others = [
        frame.encode({"kind": "ready", "epoch": 8, "tick": 3}),
        frame.encode({"kind": "act", "epoch": 9, "tick": 3}),
        ready[:-1] + b"\x04",
        raw(b"no body"),
        frame.encode({"kind": "ready", "epoch": 9, "tick": 3, "padding": bytes(300)}),
    ]
    assert Finder(9).feed(b"".join(others)) == []
    assert len(Finder(9).feed(b"".join([*others, ready]))) == 1


@given(st.lists(st.binary(min_size=300, max_size=3000), min_size=1, max_size=9))
def test_finder_holds_no_more_than_a_ready_of_what_it_skips(pieces):
    finder = Finder(9)
    for piece in pieces:
        assert finder.feed(piece) == []
        assert len(finder._buffer) <= 8 + 256
    assert finder.pending == 0


@given(st.binary(max_size=400))
def test_any_bytes_give_bodies_or_a_frame_error(data):
    decoder = Decoder()
    try:
        decoder.feed(data)
    except FrameError as error:
        assert str(error)


@given(bodies, st.data())
def test_a_flipped_bit_never_passes_as_another_body(body, data):
    stream = bytearray(frame.encode(body))
    at = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[at // 8] ^= 1 << at % 8
    with suppress(FrameError):
        assert Decoder().feed(bytes(stream)) == []


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40), percepts, percepts)
def test_percept_encoder_equals_the_plain_encoding(epoch, tick, cycle, first, second):
    encoder = PerceptEncoder(epoch=epoch, tick=tick, cycle=cycle)
    for content in (first, second, first):
        plain = frame.percept(epoch=epoch, tick=tick, cycle=cycle, percept=content)
        assert encoder.frame(content) == frame.encode(plain)
    pool = [{"path": "src/genes/a.rs", "code": "0" * 64, "functions": ["run"]}]
    [body] = Decoder().feed(encoder.frame(first, pool))
    assert body["pool"] == pool
    assert tuple(body["steps"]) == first.steps


@pytest.mark.parametrize("length", [0, frame.MAX_LARGE_BODY + 1, 2**32 - 1])
def test_impossible_length_is_refused_before_its_bytes_arrive(length):
    with pytest.raises(FrameError, match=f"given as {length} bytes"):
        Decoder().feed(struct.pack("<II", length, 0))


def test_wrong_checksum_is_refused():
    with pytest.raises(FrameError, match="checksum of a frame of 3 bytes"):
        Decoder().feed(struct.pack("<II", 3, 7) + b"abc")


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"\xc1", "not msgpack"),
        (msgpack.packb(1) + b"\x01", "not msgpack"),
        (b"\x91" * 3000 + b"\x00", "not msgpack"),
        (msgpack.packb([1, 2]), "map with string keys"),
        (msgpack.packb({b"kind": 1}), "map with string keys"),
        (msgpack.packb({}), "map with string keys"),
        (msgpack.packb({"kind": 3}), "kind"),
        (msgpack.packb({"kind": "act", "tick": 1}), "epoch"),
        (msgpack.packb({"kind": "act", "epoch": True, "tick": 1}), "epoch"),
        (msgpack.packb({"kind": "act", "epoch": 1, "tick": "x"}), "tick"),
    ],
)
def test_body_that_is_no_message_is_refused(packed, reason):
    with pytest.raises(FrameError, match=reason):
        Decoder().feed(raw(packed))


def test_large_body_is_allowed_to_hello_and_bye_only():
    for kind in ("hello", "bye"):
        body = {"kind": kind, "epoch": 1, "tick": 1, "state": bytes(100_000)}
        assert Decoder().feed(frame.encode(body)) == [body]
    large = {"kind": "act", "epoch": 1, "tick": 1, "state": bytes(100_000)}
    with pytest.raises(FrameError, match="65536 are allowed"):
        frame.encode(large)
    with pytest.raises(FrameError, match="65536 are allowed"):
        Decoder().feed(raw(msgpack.packb(large)))


def test_frame_error_carries_the_good_bodies_before_it():
    with pytest.raises(FrameError) as caught:
        Decoder().feed(frame.encode(act()) + b"\x00" * 8)
    assert caught.value.before == (act(),)


def test_a_frame_sent_byte_by_byte_arrives_once():
    decoder = Decoder()
    got = [body for byte in frame.encode(act()) for body in decoder.feed(bytes([byte]))]
    assert got == [act()]


def test_state_of_a_bye_is_at_most_64_kib():
    assert frame.parse_bye({"state": bytes(65536)}) == bytes(65536)
    assert frame.parse_bye({}) is None
    for state in (bytes(65537), "text", 7):
        with pytest.raises(FrameError):
            frame.parse_bye({"state": state})


def vectors(verdict: str) -> list[tuple[str, bytes, str]]:
    lines = VECTORS.read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(name, bytes.fromhex(data), what) for name, kind, data, what in rows if kind == verdict]


def with_binary(value: dict[str, str]) -> object:
    return bytes.fromhex(value["hex"]) if list(value) == ["hex"] else value


@pytest.mark.parametrize(("name", "data", "body"), vectors("valid"))
def test_valid_vector_is_read_and_written_alike(name, data, body):
    [decoded] = Decoder().feed(data)
    assert decoded == json.loads(body, object_hook=with_binary)
    assert frame.encode(decoded) == data
    if decoded["kind"] == "act":
        steps = len(decoded["answers"])
        act = read_act(data, decoded["epoch"], decoded["tick"], steps)
        assert act == parse_act(decoded, steps)
    if decoded["kind"] == "percept":
        fixed = {key: decoded[key] for key in ("epoch", "tick", "cycle")}
        content = Percept(tuple(decoded["steps"]), tuple(decoded["heard"]), decoded["energy"])
        assert PerceptEncoder(**fixed).frame(content, decoded.get("pool")) == data


@pytest.mark.parametrize(("name", "data", "why"), vectors("invalid"))
def test_invalid_vector_is_refused_or_nothing_that_an_agent_may_say(name, data, why):
    try:
        bodies = Decoder().feed(data)
    except FrameError:
        return
    assert all(body["kind"] not in ("ready", "act", "bye") for body in bodies), why


def test_arrays_that_promise_much_cost_little() -> None:
    """Each may promise as many items as the body has bytes, and there is room for all of them."""
    packed = (b"\xdd" + struct.pack(">I", 190_000)) * 510 + b"\0" * 189_000
    begun = time.process_time()
    with pytest.raises(FrameError, match="max_array_len"):
        Decoder().feed(struct.pack("<II", len(packed), zlib.crc32(packed)) + packed)
    assert time.process_time() - begun < 0.05


def test_who_takes_over_finds_the_ready_behind_much_that_looks_like_one() -> None:
    ready = frame.encode({"kind": "ready", "epoch": 5, "tick": 0})
    for before in (b"", b"\1\0\0\0" * 999, b"\0" * 9000, ready[:-1], b"\0\1\0\0" * 99):
        finder = Finder(5)
        found = [body for byte in before + ready for body in finder.feed(bytes([byte]))]
        assert [body["kind"] for body in found] == ["ready"]
