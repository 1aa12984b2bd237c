"""How tests start fake agents."""

import sys
from pathlib import Path
from typing import NoReturn

import msgpack

from evolve_ai.model.colony import Deadlines, Start
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import AgentBox, Protection

FAKE_AGENTS = Path(__file__).parent / "fake_agents"
QUICK = Deadlines(cpu=0.3, wall=1.0, ready_cpu=3.0, ready_wall=10.0, late=0.1, stop=0.6, kill=2.0)
SITE = Path(msgpack.__file__).parent.parent

# That of agents in Rust.
AGENT_BOX = AgentBox(
    tuple(map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")))
)
# Of all that a box holds, only that its agent becomes no other program is not for these.
FAKE_BOX = AgentBox(
    libraries=(
        *map(Path, ("/bin", "/lib", "/lib64", "/usr", "/etc/ld.so.cache")),
        *(Path(prefix) for prefix in (sys.prefix, sys.base_prefix)),
        FAKE_AGENTS,
        SITE,
    ),
    lifted=frozenset({Protection.PROCESSES}),
)


def fake(vice: str) -> Program:
    """A shell that turns into the agent: a Python started as agent-<id> would not find itself."""
    script = FAKE_AGENTS / f"{vice}.py"
    return Program(Path("/bin/sh"), ("-c", f'exec "{sys.executable}" -S "{script}" "{SITE}"'))


def start_of(folder: Path, id: str, program: Program, **more: object) -> Start:
    home = folder / "agents" / id
    home.mkdir(parents=True, exist_ok=True)
    plain = {"seed": 7, "genome": b"g", "state": None, "pool": [], "tick": 0}
    return Start(id=id, folder=home, program=program, **{**plain, **more})  # type: ignore[arg-type]


def no_world(places: int) -> NoReturn:
    """For colonies in which no season is lived."""
    raise AssertionError("nobody asked for a world")
