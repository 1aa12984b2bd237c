"""Where fuzzing begins: the vectors that both languages share, and what fuzzing has found."""

import struct
from pathlib import Path

import msgpack
from targets import EPOCH, TICK

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"
LIFE = b"S a run-1 12 345\nF a run-1 13\nS a run-1 14 346\nE a 14 346 exit 0\nE b 9 1 signal 11\n"
SETTINGS = b'seed = 7\nmode = "free"\n[cycle]\nticks = 3\nsleep = 0.5\n[hooks]\ndeath = ["a:b"]\n'
ACT = {
    "kind": "act", "epoch": EPOCH, "tick": TICK, "answers": [0.5], "say": None, "give": [[0, 5]],
    "rest": False, "fitness": 1.5, "mutated": "swap",
}  # fmt: skip


def vectors(file: str) -> list[bytes]:
    lines = (VECTORS / file).read_text(encoding="utf-8").splitlines()
    return [bytes.fromhex(line.split("\t")[2]) for line in lines if line and line[0] != "#"]


def found(target: str) -> list[bytes]:
    """What a long run kept of a target, since each reaches something that the others do not."""
    file = HERE / "corpus" / f"{target}.txt"
    return [bytes.fromhex(line) for line in file.read_text().splitlines()] if file.exists() else []


def seeds(target: str) -> list[bytes]:
    bodies = [stream[8:] for stream in vectors("frames.txt")]
    others = [{**ACT, "answers": [1, 2.5]}, {"kind": "ready", "epoch": EPOCH, "tick": TICK}]
    ours = [msgpack.packb(body) for body in (ACT, *others)]
    first: dict[str, list[bytes]] = {
        "frames": [
            *(bytes([how]) + stream for stream in vectors("frames.txt") for how in (0, 2, 8)),
            *(bytes([how]) + body for body in [*bodies, *ours] for how in (1, 3)),
        ],
        "acts": [bytes([steps]) + body for body in ours for steps in (1, 2)],
        "genomes": vectors("genomes.txt"),
        "journals": [LIFE],
        "settings": [SETTINGS],
        "words": [b"\x1b[31m", "\x9b\u202e é".encode(), b"\xff"],
        "genome": vectors("genomes.txt"),
        "message": bodies,
        "frame": vectors("frames.txt"),
        "wire": [struct.pack("<I", len(body)) + body for body in REQUESTS],
    }
    return first[target] + found(target)


REQUESTS = [
    b"spawn\0007\0a1\0run-3\0/f\0/i\0/o\0/l\0001\0002\0003\0001\0K=V\0/bin/x\0zero\0\0two",
    b"compact\x0012",
    b"leave",
]


def write(target: str, folder: Path) -> Path:
    """The seeds as files, and a dictionary of the words that a target knows; its path."""
    (folder / "corpus").mkdir(parents=True)
    for number, data in enumerate(seeds(target)):
        (folder / "corpus" / f"{number:04}").write_bytes(data)
    words = WORDS if target != "settings" else ["ticks", "[cycle]", "seed", '\\"\\"\\"', "= 1\\x0a"]
    lines = [f'"{word}"' for word in [*words, *NUMBERS]]
    (folder / "words.dict").write_text("\n".join(lines) + "\n")
    return folder / "words.dict"


_KEYS = (
    "v id generation parents files traits mutations path code active functions kind epoch tick "
    "act ready bye hello percept ping stop answers say give rest fitness mutated state seed genome "
    "pool steps heard energy cycle orphan_seconds"
)
WORDS = [f"\\x{0xA0 + len(key):02x}{key}" for key in _KEYS.split()]
# Numbers at the edges of what a codec holds, lengths that lie, types that nobody sends.
NUMBERS = [
    "".join(f"\\x{byte:02x}" for byte in data)
    for data in (
        b"\xcf\x80\0\0\0\0\0\0\0", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd3\x80\0\0\0\0\0\0\0",
        b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xcb\x7f\xf0\0\0\0\0\0\0", b"\xca\x7f\xc0\0\0", b"\xc0",
        b"\xc2", b"\xc3", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
        b"\xc1", b"\xc6\0\0\0\x01\0", b"\xd6\xff\0\0\0\0", b"\xc7\x0c\xff", b"\xd4\x01\0",
        b"\x91" * 64,
    )
]  # fmt: skip
