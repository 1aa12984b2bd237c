"""Owns what tests of faults share: builds elsewhere, false tools, who still runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rust_support import genome_of, request_of

from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.fingerprint import Ingredients
from evolve_ai.substrates.rust.substrate import RustSubstrate

SECONDS = 60.0
_SCRIPT = Path(__file__).parent / "build_elsewhere.py"
_SUPPORT = Path(__file__).parents[2]


def add_200(pool: GenePool) -> bytes:
    """A version of alpha that only a compiler can make: its `add` adds half of 200."""
    code = next(data for data in pool.code.values() if b"alpha_step" in data)
    return code.replace(b"0.0, 6.0", b"0.0, 200.0")


def request_for(
    pool: GenePool, substrate: RustSubstrate, code: bytes | None = None
) -> BuildRequest:
    """A wiring that calls alpha's `add` and gamma's `negate`."""
    codes = {} if code is None else {"alpha": code}
    genome = genome_of(pool, {"alpha": ["add"], "gamma": ["negate"]}, codes)
    return request_of(substrate, genome, pool)


def made_with(substrate: RustSubstrate) -> Callable[[], Ingredients]:
    """What a builder of other settings than the substrate's is to be told."""
    return lambda: (("toolchain", substrate.toolchain()),)


def build_200(builder: RustBuilder, pool: GenePool, substrate: RustSubstrate) -> BuildVerdict:
    code = add_200(pool)
    builder.sources.put(code)
    (verdict,) = builder.build([request_for(pool, substrate, code)])
    return verdict


def assert_adds_200(verdict: BuildVerdict) -> None:
    assert said(verdict) == "alpha::add 100\ngamma::negate -100\n"


def said(verdict: BuildVerdict) -> str:
    assert verdict.program is not None, verdict.fault
    argv = [str(verdict.program.file), *verdict.program.arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout


def build_elsewhere(template: Path, workspace: Path, *words: str) -> "subprocess.Popen[str]":
    """Build as build_200 does, in a process of its own; build_elsewhere.py knows the words."""
    return subprocess.Popen(
        [sys.executable, str(_SCRIPT), str(template), str(workspace), *words],
        env={**os.environ, "PYTHONPATH": str(_SUPPORT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def hang_at(crate: str, mark: Path, once: bool = False) -> str:
    """For false_tools: when it comes to this crate, say so in a file and hang. The file must be one
    that a build may write."""
    condition = f'[ ! -e "{mark}" ]' if once else "true"
    return (
        f'case "$*" in *"--crate-name evolve_{crate}"*) if {condition}; then\n'
        f'  echo $$ > "{mark}.new"; mv "{mark}.new" "{mark}"; sleep 600 & wait $!\n'
        "fi;; esac"
    )


def wait_for(met: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"never saw {what}"
        time.sleep(0.02)
