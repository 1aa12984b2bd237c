"""What the fake agents share: the frame protocol, in the plainest words."""

import os
import struct
import sys
import zlib

sys.path.append(os.environ.get("MSGPACK", sys.argv[1]))
import msgpack


def read_exactly(size):
    data = b""
    while len(data) < size:
        more = os.read(3, size - len(data))
        if not more:
            raise SystemExit("end of the pipe")
        data += more
    return data


def hear():
    length, _ = struct.unpack("<II", read_exactly(8))
    return msgpack.unpackb(read_exactly(length))


def frame(body):
    packed = msgpack.packb(body)
    return struct.pack("<II", len(packed), zlib.crc32(packed)) + packed


def write(data):
    while data:
        data = data[os.write(4, data) :]


def answer(heard, kind, **more):
    write(frame({"kind": kind, "epoch": heard["epoch"], "tick": heard["tick"], **more}))


def act(heard, **more):
    answers = [step + 1.0 for step in heard["steps"]] or [0.0]
    answer(heard, "act", **{"answers": answers, "say": None, "give": [], **more})


def live(on_percept=act, on_hello=None, on_stop=None):
    """Be an agent, well-behaved but for what is given."""
    lived = 0
    state = None
    while True:
        heard = hear()
        match heard["kind"]:
            case "hello":
                state = heard["state"]
                (on_hello or (lambda heard: answer(heard, "ready")))(heard)
            case "ping":
                answer(heard, "ready")
            case "percept":
                lived += 1
                on_percept(heard)
            case "stop":
                if on_stop is not None:
                    on_stop(heard)
                    continue
                answer(heard, "bye", state=(state or b"") + b"%d." % lived)
                raise SystemExit(0)
