"""More processes and threads than a machine has room for end where a box says so."""

import subprocess
from pathlib import Path

import pytest
from box_support import LEVELS, LIBRARIES, PATIENT, Built, built
from seen import standing_in

from evolve_ai.model.sandbox import Box, Level, Protection
from evolve_ai.system.box import box_argv
from evolve_ai.system.boxed_command import Verdict, run_boxed
from evolve_ai.system.commands import Ending, Limits

__all__ = ["built"]

STORM = Path(__file__).parents[2] / "system" / "storm.rs"


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("storm") / "storm"
    words = ["rustc", "--edition", "2021", "-O", "-D", "warnings", "-o", program, STORM]
    subprocess.run(words, check=True, timeout=120)
    return program


def put(program: Path, into: Built) -> str:
    place = into.ours / program.name
    place.write_bytes(program.read_bytes())
    place.chmod(0o755)
    return str(place)


@pytest.mark.parametrize("lifted", [(), (Protection.ENDING,)], ids=["held", "sessions"])
@pytest.mark.parametrize("level", LEVELS)
def test_storm_of_threads_ends_at_the_total_limit(
    built: Built, storm: Path, level: Level, lifted: tuple[Protection, ...]
) -> None:
    """A hundred processes of fifty threads that spin, each of which leaves for a session of its
    own where it can."""
    limits = Limits(total=4.0, silence=60.0)
    done, verdict = built.run(
        level, put(storm, built), "100", "50", "600", lifted=lifted, limits=limits
    )
    assert done.ending is Ending.TOTAL_TIMEOUT
    assert verdict == Verdict()
    assert standing_in(built.ours) == []
    assert b"storms" in done.stdout, "it did not even try"


def test_threads_of_all_processes_are_limited_together(built: Built, storm: Path) -> None:
    program = put(storm, built)
    argv = lambda status: box_argv(  # noqa: E731
        built.keeper,
        Box(executable=(*LIBRARIES, built.ours), writable=(built.ours,), threads=64),
        (program, "10", "20", "60"),
        processes=300,
        all_threads=100,
        status=status,
    )
    _, verdict = run_boxed(argv, cwd=built.ours, env=built.env, limits=PATIENT)
    assert verdict == Verdict(limit="more than 100 threads")
