"""What a hostile agent offers as its genome, while the scan takes it."""

import errno
import subprocess
from pathlib import Path

import pytest

from evolve_ai.model.genome import MAX_BYTES
from evolve_ai.model.sandbox import Box, Protection
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.box import box_argv
from evolve_ai.system.files import read_regular
from evolve_ai.system.genome_file import GENOME, genome_file, take

LIBRARIES = tuple(Path(path) for path in RustSubstrate.needs.libraries)
LINKS = frozenset({Protection.FILES, Protection.METADATA})
ROUNDS = 8  # at most, until a link was met: a busy machine may let the scan come too late
SECRET = b"a key of somebody else"


def _race(
    folder: Path, keeper: Path, attacker: Path, lifted: frozenset[Protection]
) -> tuple[set[bytes], int]:
    """What was read of offers that are files and links by turns, and how often a link was met."""
    (folder / "state").mkdir(parents=True)
    secret = folder.parent / "secret"
    secret.write_bytes(SECRET)
    box = Box((folder,), LIBRARIES, (folder / "state",), lifted=lifted)
    argv = box_argv(keeper, box, (str(attacker), "alone", "genome_race", str(secret)))
    read, links = set(), 0
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, text=True) as agent:
        while agent.poll() is None:
            take(folder, "")
            try:
                read.add(read_regular(folder / genome_file(folder), MAX_BYTES))
            except OSError as error:
                links += error.errno == errno.ELOOP
        assert agent.stdout is not None
        assert "genome_race: done" in agent.stdout.read()
    return read, links


def test_offer_that_changes_while_it_is_taken_is_nothing_but_its_own(
    tmp_path: Path, keeper: Path, attacker: Path, nothing_left: None
) -> None:
    read, links = _race(tmp_path / "agent", keeper, attacker, frozenset())
    assert read <= {b"attacked", b""} and b"attacked" in read
    assert links == 0, "an agent can make no link"


def test_link_that_is_offered_is_never_followed(
    tmp_path: Path, keeper: Path, attacker: Path, nothing_left: None
) -> None:
    read: set[bytes] = set()
    links = 0
    for number in range(ROUNDS):
        if not links:
            found, links = _race(tmp_path / str(number) / "agent", keeper, attacker, LINKS)
            read |= found
    assert links > 0, "where it can make links, the race is on"
    assert b"attacked" in read
    assert SECRET not in read


@pytest.mark.parametrize("bytes", [MAX_BYTES + 1, 1 << 34])
def test_huge_offer_is_not_read(
    bytes: int, tmp_path: Path, keeper: Path, attacker: Path, nothing_left: None
) -> None:
    folder = tmp_path / "agent"
    (folder / "state").mkdir(parents=True)
    box = Box((folder,), LIBRARIES, (folder / "state",))
    attack = (str(attacker), "alone", "sparse_genome", str(bytes))
    done = subprocess.run(
        box_argv(keeper, box, attack), cwd=folder, capture_output=True, text=True, check=True
    )
    assert "sparse: done" in done.stdout
    take(folder, "")
    assert (folder / GENOME).stat().st_size == bytes
    with pytest.raises(OSError):
        read_regular(folder / genome_file(folder), MAX_BYTES)
