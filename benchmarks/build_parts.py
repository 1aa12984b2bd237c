"""Owns the parts of the build benchmark: populations, stopwatches, compilers of others."""

import json
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.model.draws import Draws
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import BuildRequest, GenePool
from evolve_ai.model.sandbox import Confinement
from evolve_ai.model.variation_settings import StandardOptions
from evolve_ai.stages import build as stage
from evolve_ai.stages.birth import Nursery, write_folder
from evolve_ai.substrates.rust import compiler, store
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.variation.standard import StandardVariation

TEMPLATE = Path(__file__).parents[1] / "agent_template"
VARIATION = StandardVariation(StandardOptions(likely={"speak": 0.7, "listen": 0.7}))
_FLOAT = re.compile(rb"(?<![\w.])\d+\.\d+(?![\w.])")
_PASS = re.compile(r"^time: (\{.*\})$", re.MULTILINE)


def rust() -> tuple[RustSubstrate, GenePool]:
    confine()  # the program that makes boxes is none of the builds that are timed
    substrate = RustSubstrate()
    return substrate, substrate.read_pool(TEMPLATE)


def confine() -> Confinement:
    """As in a project: the keeper's program is compiled once for this checkout."""
    return Confinement(keeper_program(Path(__file__).parents[1] / "workspace"))


def founders(pool: GenePool, agents: int) -> list[Genome]:
    """The founders that `evolve init N --seed 7` would make."""
    draws = Draws(7)
    ids = (draws.uuid("founder", number) for number in range(agents))
    return [VARIATION.found(agent, pool, draws.rng("found", agent)) for agent in ids]


def mutated(genome: Genome, pool: GenePool) -> Genome:
    """The same agent with another wiring."""
    rng = random.Random(genome.id)
    while True:
        child, _ = VARIATION.conceive(genome.id, [genome], pool, rng)
        if child.active_genes() != genome.active_genes():
            return child


def alter(code: bytes, at: int) -> bytes:
    """A gene file with one number in it changed, or, if it has none, with another number added."""
    found = _FLOAT.search(code)
    if found is None:
        return code + b"\npub const ALTERED: f64 = 0.%d;\n" % (1000 + at)
    return code[: found.start()] + b"%s%04d" % (found.group(), at) + code[found.end() :]


def request_of(substrate: RustSubstrate, pool: GenePool, genome: Genome) -> BuildRequest:
    return stage.request_of(substrate.fingerprint(genome, pool), genome)


@contextmanager
def laps() -> Iterator[dict[str, float]]:
    """Seconds in all, and of it in cargo, in laying out its crates, and in the store."""
    seconds = {"cargo": 0.0, "layout": 0.0, "store": 0.0}
    watched: list[tuple[Any, str, str]] = [
        (compiler, compiler.run_boxed.__name__, "cargo"),
        (BuildArea, BuildArea.write.__name__, "layout"),
        (store.ProgramStore, store.ProgramStore.add.__name__, "store"),
    ]
    originals = [getattr(owner, name) for owner, name, _ in watched]
    for (owner, name, lap), original in zip(watched, originals, strict=True):
        setattr(owner, name, _timed(original, seconds, lap))
    begun = time.monotonic()
    try:
        yield seconds
    finally:
        seconds["whole"] = time.monotonic() - begun
        seconds["planning"] = seconds["whole"] - sum(seconds[lap] for _, _, lap in watched)
        for (owner, name, _), original in zip(watched, originals, strict=True):
            setattr(owner, name, original)


def _timed(function: Any, seconds: dict[str, float], lap: str) -> Any:
    def timed(*arguments: Any, **named: Any) -> Any:
        begun = time.monotonic()
        try:
            return function(*arguments, **named)
        finally:
            seconds[lap] += time.monotonic() - begun

    return timed


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def write_folders(folder: Path, agents: int) -> list[Path]:
    """Folders of agents as `evolve init` writes them."""
    folder.mkdir(parents=True)
    substrate, pool = rust()
    nursery = Nursery(folder, folder, substrate, pool.manifests, dict(pool.fixed))
    genomes = founders(pool, agents)
    return [folder / write_folder(nursery, one, pool.code).genome.id for one in genomes]


def compile_hello(folder: Path) -> None:
    """rustc on a program that prints a line, with the options of the template's profile."""
    folder.mkdir(parents=True)
    (folder / "hello.rs").write_text('fn main() {\n    println!("hello");\n}\n')
    options = ["opt-level=3", "codegen-units=1", "panic=abort", "strip=symbols"]
    argv = ["rustc", *(f"-C{option}" for option in options), "hello.rs"]
    subprocess.run(argv, cwd=folder, check=True)


def breakdown(workspace: Path, ours: dict[str, float]) -> dict[str, Any]:
    """The laps of a cold build, and the passes of rustc: its crates are compiled once more.

    rustc's figures are summed over all crates, two of which are compiled at a time.
    """
    area = workspace / "build"
    shutil.rmtree(area / "target", ignore_errors=True)
    flags = "-Ztime-passes -Ztime-passes-format=json"
    environ = {**os.environ, "RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": flags}
    argv = ["cargo", "build", "--release", "--offline"]
    begun = time.monotonic()
    done = subprocess.run(argv, cwd=area, env=environ, capture_output=True, text=True, check=True)
    wall = time.monotonic() - begun
    passes: dict[str, float] = {}
    torn = 0
    for line in _PASS.findall(done.stderr + done.stdout):
        try:
            told = json.loads(line)
        except ValueError:  # two compilers have written into each other's line
            torn += 1
            continue
        passes[told["pass"]] = passes.get(told["pass"], 0.0) + float(told["time"])
    names = {"rustc": "total", "codegen": "LLVM_passes", "link": "link_binary"}
    rustc = {name: round(passes.get(told, 0.0), 3) for name, told in names.items()}
    found = {"seconds": ours, "cargo_again_wall": round(wall, 3), "rustc_summed": rustc}
    return {**found, "torn_lines": torn}
