"""What is fuzzed: each target takes any bytes, and raises on whatever breaks its promise.

All promise: no other error than the documented one, a reason with it that fits a line of a log, and
that what was read and is written again is read as the same.
"""

import struct
import subprocess
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from evolve_ai.colony import journal
from evolve_ai.colony.agent_process import AgentProcess, Owed
from evolve_ai.model import frame, genome
from evolve_ai.model.act import parse_act, read_act
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.frame import Body, Decoder, Finder, FrameError
from evolve_ai.model.genome import GenomeError
from evolve_ai.model.settings import Settings
from evolve_ai.model.world import Act
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.system.identity import Identity
from evolve_ai.system.settings_file import parse_settings
from evolve_ai.ui.plain import plain

EPOCH, TICK = 1, 2
LONGEST_REASON = 1000
PIECES = 24
REFUSED = b"\xc1"


def framed(packed: bytes) -> bytes:
    return struct.pack("<II", len(packed), zlib.crc32(packed)) + packed


# Frames: what an agent sends, as the colony takes it in.


def frames(data: bytes) -> None:
    """The first byte says how the rest arrives: in which pieces, with checksums that are right or
    as they come, to a colony that reads from the start or takes over."""
    if not data:
        return
    how, rest = data[0], data[1:]
    stream = b"".join(map(framed, (rest, rest[:9]))) if how & 1 else rest
    size = 1 + (how >> 2)
    until = min(len(stream), PIECES * size)
    pieces = [*(stream[at : at + size] for at in range(0, until, size)), stream[until:]]
    make: Callable[[], Decoder | Finder] = (lambda: Finder(EPOCH)) if how & 2 else Decoder
    whole, told = _fed(make(), [stream])
    assert (repr(whole), told) == _worded(_fed(make(), pieces)) or how & 2
    for body in whole:
        _written_again(body)
    for asked in Owed:
        _taken_in(whole, asked)


def _worded(found: tuple[list[Body], str]) -> tuple[str, str]:
    return repr(found[0]), found[1]


def _fed(decoder: Decoder | Finder, pieces: Iterable[bytes]) -> tuple[list[Body], str]:
    bodies: list[Body] = []
    for piece in pieces:
        try:
            bodies += decoder.feed(piece)
        except FrameError as error:
            return [*bodies, *error.before], _reason(error)
        assert decoder.pending <= frame.HEADER.size + frame.MAX_LARGE_BODY
    return bodies, ""


def _taken_in(bodies: Iterable[Body], asked: Owed) -> None:
    resident = AgentProcess("a", Identity(1, 1, "b"), None, Path(), 0, EPOCH)  # type: ignore[arg-type]
    resident.asked = asked
    resident.expect_act(TICK, 1)
    try:
        for body in bodies:
            resident.take(body)
    except FrameError as error:
        _reason(error)
    assert resident.state is None or len(resident.state) <= frame.MAX_STATE


def _written_again(body: Body) -> None:
    try:
        data = frame.encode(body)
    except (FrameError, ValueError):  # floats that were short get long; too deep for the writer
        return
    [again] = Decoder().feed(data)
    assert repr(again) == repr(body)


# Acts: read in one go, or piece by piece.


def acts(data: bytes) -> None:
    """The first byte is the number of steps, the rest the body of a frame."""
    if not data:
        return
    steps, packed = data[0] % 4, data[1:]
    whole = framed(packed)
    quick = read_act(whole, EPOCH, TICK, steps)
    slow = _piecewise(whole, steps)
    # None decides nothing: what has keys that nobody knows, or one twice, is left to the slow way.
    assert quick is None or repr(quick) == repr(slow)
    if slow is not None:
        assert len(slow.answers) == (steps or 1)
        assert all(type(number) is float and abs(number) <= 1e15 for number in slow.answers)


def _piecewise(data: bytes, steps: int) -> Act | None:
    try:
        for body in Decoder().feed(data):
            if (body["kind"], body["epoch"], body["tick"]) == ("act", EPOCH, TICK):
                return parse_act(body, steps)
    except FrameError as error:
        _reason(error)
    return None


# Genomes: read by us and by the kernel.


class Judge:
    """The kernel, as a process that is asked what it makes of genomes."""

    def __init__(self, program: Path):
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1
        )

    def asked(self, data: bytes) -> bytes:
        """The genome as the kernel writes it, or REFUSED and why."""
        process = self._process
        assert process.stdin
        assert process.stdout
        process.stdin.write(struct.pack("<I", len(data)) + data)
        process.stdin.flush()
        head = process.stdout.read(4)
        assert len(head) == 4, "the kernel panicked"
        return process.stdout.read(struct.unpack("<I", head)[0])

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Genomes:
    """Genomes as both languages read them; without a judge, as we do."""

    def __init__(self, judge: Judge | None = None):
        self.judge = judge

    def __call__(self, data: bytes) -> None:
        found, why = _genome(data)
        if found is not None:
            written = _written(found)
            if written is not None:
                again, broken = _genome(written)
                assert again is not None, broken
                assert _written(again) == written
        if self.judge is not None:
            told = self.judge.asked(data)
            assert (found is None) == told.startswith(REFUSED), f"kernel: {told!r}, we: {why}"
            if found is not None and len(told) <= genome.MAX_BYTES:
                assert _written(genome.decode(told)) == _written(found)


def _genome(data: bytes) -> tuple[genome.Genome | None, str]:
    try:
        return genome.decode(data, NAMES), ""
    except GenomeError as error:
        return None, _reason(error)


def _written(found: genome.Genome) -> bytes | None:
    try:
        return genome.encode(found)
    except GenomeError as error:  # floats that were short get long
        assert "bytes, more than" in str(error), error
        return None


# What lies on disk.


class Held:
    """A file, as far as its reader knows."""

    def __init__(self, data: bytes):
        self._data = data

    def read_bytes(self) -> bytes:
        return self._data


def journals(data: bytes) -> None:
    for text in (data, b"evolve-keeper 1 boot\n" + data):
        found = journal.read(Held(text))  # type: ignore[arg-type]
        assert 0 <= found.end <= len(text)
        assert found.damaged + len(found.lives) <= len(text.splitlines())


def settings(data: bytes) -> None:
    try:
        found = parse_settings(data.decode("utf-8", "replace"))
    except SettingsError as error:
        assert str(error)
    else:
        assert type(found) is Settings


def words(data: bytes) -> None:
    written = data.decode("utf-8", "surrogateescape")
    shown = plain(written)
    assert not any(ord(char) < 32 and char not in "\n\t" for char in shown)
    assert not any(0x7F <= ord(char) < 0xA0 or 0x202A <= ord(char) <= 0x202E for char in shown)
    assert plain(shown) == shown
    shown.encode()


def _reason(error: ValueError) -> str:
    reason = str(error)
    assert 0 < len(reason) < LONGEST_REASON, f"{len(reason)} characters of reason"
    return reason


TARGETS: dict[str, Callable[[bytes], None]] = {
    "frames": frames,
    "acts": acts,
    "genomes": Genomes(),
    "journals": journals,
    "settings": settings,
    "words": words,
}
# Bytes of an input before its msgpack, of those that hold some.
BEFORE_BODY = {"frames": 1, "acts": 1, "genomes": 0}
