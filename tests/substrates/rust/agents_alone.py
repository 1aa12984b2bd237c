"""Owns the other side of the differential test: `cargo build` in a folder, and lives on record.

A program gets the frames of a whole life as a file on descriptor 3 and leaves its own in a file
on descriptor 4, so that two programs can be held against each other byte by byte.
"""

import os
import random
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from evolve_ai.model.genome import Genome, encode
from evolve_ai.model.report import BuildVerdict
from evolve_ai.substrates.rust.toolchain import build_environment
from evolve_ai.system.genome_file import genome_file

PERCEPTS = 10
REPLAY = 60  # values that a newcomer is told at once
# A mutated gene may eat all it can get; in both programs it must come to the same end.
_RUN = """
ulimit -v 524288; ulimit -t 5; ulimit -c 0
exec "$PROGRAM" "$@" 3<frames 4>acts 2>log
"""
_SECONDS = 60.0
# For speed: a fifth of the time. The compiler refuses the same at every opt-level, and floats mean
# the same; what still differs, and a few more, is compared as the manifest says.
QUICK = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}


@dataclass(frozen=True)
class Life:
    """How a program ended, what it said on descriptor 4, and the genome that it left behind."""

    end: int
    acts: bytes
    genome: bytes


def cargo_alone(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Plain `cargo build --release` in an agent's own folder."""
    return subprocess.run(
        ["cargo", "build", "--release", "--offline"],
        cwd=folder,
        env={**build_environment(os.environ), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def behaviour(argv: Sequence[str], name: str) -> tuple[int, bytes]:
    """What a program does that nobody speaks to: its end, and what it says of itself."""
    done = subprocess.run(
        [name, *argv[1:]],
        executable=argv[0],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


def assert_same(verdict: BuildVerdict, folder: Path, target: Path) -> None:
    """A batch has built what cargo builds in this folder, and both behave alike to nobody."""
    assert verdict.program is not None, verdict.fault
    alone = cargo_alone(folder, CARGO_TARGET_DIR=str(target))
    assert alone.returncode == 0, alone.stderr
    name = f"agent-{verdict.agent}"
    batch = [str(verdict.program.file), *verdict.program.arguments]
    assert behaviour(batch, name) == behaviour([str(target / "release" / name)], name)


def errors(output: str) -> set[tuple[str, str]]:
    """(place, code) of the errors that cargo shows; the code is "" when there is none."""
    found = re.findall(r"^error(?:\[(E\d+)\])?: .*\n +--> (src/[\w/]+\.rs:\d+)", output, re.M)
    return {(place, code) for code, place in found}


def error_of(reason: str) -> tuple[str, str]:
    """(place, code) of the reason of a verdict; a call in the wiring has no line there."""
    found = re.match(r"(src/[\w/]+\.rs(?::\d+)?): (?:[\w:]+: )?error(?:\[(E\d+)\])?", reason)
    assert found is not None, f"no place and no error in: {reason}"
    return found.group(1), found.group(2) or ""


def live(argv: Sequence[str], home: Path, genome: Genome, frames: bytes) -> Life:
    """Let a program live through these frames in a folder that holds only its genome."""
    shutil.rmtree(home / "state", ignore_errors=True)
    (home / "genome.bin").write_bytes(encode(genome))
    (home / "frames").write_bytes(frames)
    done = subprocess.run(
        ["sh", "-c", _RUN, f"agent-{genome.id}", *argv[1:]],
        cwd=home,
        env={"PROGRAM": argv[0]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
    genome_now = home / genome_file(home)
    return Life(done.returncode, (home / "acts").read_bytes(), genome_now.read_bytes())


def frames_for(genome: Genome, seed: str) -> bytes:
    """A life on record: hello, percepts with neighbours' words, a ping, stop, and leave to go."""
    rng = random.Random(seed)
    return b"".join(_frame(body) for body in _bodies(genome, rng))


def _bodies(genome: Genome, rng: random.Random) -> Iterator[dict[str, Any]]:
    hello = {"id": genome.id, "seed": rng.getrandbits(63), "genome": encode(genome)}
    yield {"kind": "hello", **hello, "state": None, "orphan_seconds": 60, "pool": [], "tick": 0}
    value = 50.0
    for tick in range(1, PERCEPTS + 1):
        steps = []
        for _ in range(REPLAY if tick == 1 else rng.randint(0, 3)):
            value = 0.9 * value + rng.uniform(0.0, 20.0)
            steps.append(value)
        heard = [rng.choice((None, value + rng.gauss(0.0, 5.0))) for _ in range(4)]
        energy = rng.randint(0, 200_000)
        body = {"steps": steps, "heard": heard, "energy": energy, "cycle": tick}
        yield {"kind": "percept", **body, "tick": tick}
    yield {"kind": "ping", "tick": PERCEPTS}
    yield {"kind": "stop", "tick": PERCEPTS}
    yield {"kind": "stop", "tick": PERCEPTS}


def _frame(body: dict[str, Any]) -> bytes:
    packed = msgpack.packb({"epoch": 1, **body})
    return struct.pack("<II", len(packed), zlib.crc32(packed)) + packed


def acts_in(said: bytes) -> list[dict[str, Any]]:
    """The acts among the frames of a program."""
    found, at = [], 0
    while at + 8 <= len(said):
        length, _ = struct.unpack_from("<II", said, at)
        found.append(msgpack.unpackb(said[at + 8 : at + 8 + length]))
        at += 8 + length
    return [body for body in found if body["kind"] == "act"]
