"""A colony of the real kernel: the template, built as it stands."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from fake_colony import AGENT_BOX, no_world, start_of
from made_once import made_once

from evolve_ai.colony.colony import Colony
from evolve_ai.model import genome
from evolve_ai.model.colony import Started
from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import Program
from evolve_ai.model.world import Percept

TEMPLATE = Path(__file__).parents[3] / "agent_template"
ID = "0b5c3a52-8f0e-4a6a-9d6e-0123456789ab"


@pytest.fixture(scope="session")
def kernel() -> Program:
    def make(folder: Path) -> None:
        command = ["cargo", "build", "--release", "--offline", "--quiet"]
        quick = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}  # a fifth of the compiler's time
        environment = {**os.environ, **quick, "CARGO_TARGET_DIR": str(folder)}
        subprocess.run(command, cwd=TEMPLATE, env=environment, check=True, timeout=240)

    return Program(made_once("kernel", [TEMPLATE], make) / "release/agent-template")


def genome_of_the_template() -> bytes:
    code = (TEMPLATE / "src/genes/momentum.rs").read_bytes()
    gene = FileGene("src/genes/momentum.rs", hashlib.sha256(code).hexdigest(), True, ())
    return genome.encode(Genome(ID, 0, (), (gene,), {"mutation_rate": 0.0}))


def test_real_kernel_lives_a_few_ticks_and_goes_on_where_it_stopped(
    tmp_path, nothing_left, kernel, keeper
):
    packed = genome_of_the_template()
    start = start_of(tmp_path, ID, kernel, genome=packed)
    (start.folder / "genome.bin").write_bytes(packed)
    state = None
    with Colony(tmp_path / "workspace", keeper, no_world, epoch=9, box=AGENT_BOX) as colony:
        for life in range(2):
            start = start_of(tmp_path, ID, kernel, genome=packed, state=state, tick=life * 10)
            outcome = colony.start([start])
            assert isinstance(outcome[ID], Started), outcome
            for tick in range(life * 10 + 1, life * 10 + 6):
                percept = Percept((float(tick), tick + 0.5), (None, 1.0), 5000)
                exchange = colony.exchange({ID: percept}, tick=tick, cycle=life)
                assert not exchange.faults, exchange.faults
                assert len(exchange.acts[ID].answers) == 2
            again = colony.exchange({ID: percept}, tick=tick, cycle=life)
            assert again.acts == exchange.acts
            farewell = colony.stop([ID])[ID]
            assert farewell.reason is None
            assert farewell.state
            state = farewell.state
