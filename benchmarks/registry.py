"""What the registry costs: bytes for each agent that ever lived, a commit, an old population.

    python benchmarks/registry.py --json

- `growth`: cycles of a synthetic population (a tenth of it dies and is born in each, a tenth
  mutates, with the events of that) as the life-cycle commits them; bytes are those of the file.
- `commit`: milliseconds for all that a cycle commits, but for the copy and the notes of others.
- `aged`: with so many dead, seconds for a process that opens the registry and reads what a cycle
  begins with, for `evolve status`, and milliseconds for the commit of a cycle.
"""

import argparse
import hashlib
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from projects import EVOLVE, new_project, scratch
from reports import printed

from evolve_ai.model.agent import AgentRecord, Cause, Metrics, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.draws import Draws
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import FileGene, Genome, encode
from evolve_ai.model.run_state import RunState
from evolve_ai.stages.birth import genome_hash
from evolve_ai.state.registry import Batch, Registry

TEMPLATE = Path(__file__).parent.parent / "agent_template" / "src" / "genes"
RUN = "benchmark"
SHARE = 10  # one of so many dies, is born, mutates in a cycle
SAMPLE_EVERY = 5  # as the settings have it
OPEN = """
import sys
from pathlib import Path
from evolve_ai.state.registry import Registry
with Registry.read(Path(sys.argv[1])) as registry:
    registry.living(), registry.state, registry.last_cycle(), registry.memories()
"""


@dataclass
class Synthetic:
    """A population whose numbers are drawn; nobody lives."""

    size: int
    draws: Draws = field(default_factory=lambda: Draws(7))
    cycle: int = 0
    numbers: int = 0
    digest: str = ""
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    genomes: dict[str, Genome] = field(default_factory=dict)

    def founding(self) -> Batch:
        born, genomes = self._born(self.size, [])
        return Batch(records=born, genomes=genomes, state=self._state())

    def turn(self) -> tuple[Batch, Batch]:
        """What a cycle commits before its season, and after it."""
        self.cycle += 1
        rng = self.draws.rng("cycle", self.cycle)
        few = max(1, self.size // SHARE)
        mutants = rng.sample(sorted(self.agents), few)
        changed, genomes, events = [], {}, []
        for agent in mutants:
            self.genomes[agent] = self._flipped(self.genomes[agent], rng)
            data = encode(self.genomes[agent])
            genomes[agent] = data
            record = self.agents[agent]
            mutations = (("function", sum(count for _, count in record.mutations) + 1),)
            record = replace(record, genome_hash=genome_hash(data), mutations=mutations)
            changed.append(record)
            self.agents[agent] = record
            events += self._events_of_change(agent)
        before = Batch(changed, genomes, state=self._state(), events=events, during=self.cycle)
        return before, self._season(rng, few)

    def _season(self, rng: random.Random, few: int) -> Batch:
        lived = {agent: self._lived(record, rng) for agent, record in self.agents.items()}
        gone = rng.sample(sorted(lived), few)
        dead = [
            replace(
                lived.pop(agent), state=State.DEAD, cause=str(Cause.AGE), pid=None, evidence=(),
                died_cycle=self.cycle, stamp="", running_fingerprint="",
            )
            for agent in gone
        ]  # fmt: skip
        self.agents = lived
        for agent in gone:
            del self.genomes[agent]
        born, genomes = self._born(few, sorted(lived))
        events = [
            Event(Kind.DEATH, self.cycle, one.id, {
                "cause": "age", "age": one.age, "energy": one.energy, "fitness": one.fitness,
                "generation": one.generation,
            })
            for one in dead
        ]  # fmt: skip
        events += [
            Event(Kind.BIRTH, self.cycle, one.id, {
                "parents": list(one.parents), "generation": one.generation, "place": one.place,
                "operators": list(one.operators),
            })
            for one in born
        ]  # fmt: skip
        living = list(self.agents.values())
        self.digest = hashlib.sha256(f"{self.digest} {self.cycle}".encode()).hexdigest()
        seconds = {part: rng.random() for part in ("scan", "sync", "build", "run", "observe")}
        summary = Summary(tick=self.cycle * 46, alive=len(living), seconds=seconds)
        return Batch(
            records=[*living, *dead],
            genomes=genomes,
            memories=dict.fromkeys(gone),
            state=self._state(),
            events=events,
            cycle=Cycle(self.cycle, self.digest, summary),
            during=self.cycle,
            samples=living if self.cycle % SAMPLE_EVERY == 0 else (),
        )

    def _events_of_change(self, agent: str) -> Iterator[Event]:
        data = {"operators": ["function"], "changes": ["+neural::run"]}
        yield Event(Kind.MUTATION, self.cycle, agent, data)
        yield Event(Kind.EXIT, self.cycle, agent, {"cause": "planned", "pid": 4711, "reason": "x"})
        data = {"pid": 4712, "fingerprint": "0" * 64, "cause": "planned", "remembers": True}
        yield Event(Kind.RESTART, self.cycle, agent, data)

    def _lived(self, record: AgentRecord, rng: random.Random) -> AgentRecord:
        window = (*record.evidence, rng.random() * 9, rng.random() * 9)[-10:]
        return replace(
            record, state=State.RUNNING, age=record.age + 1, fitness=rng.random(), evidence=window,
            scores=(("error", rng.random() * 9), ("skill", rng.random())),
            energy=record.energy + rng.randrange(-999, 999), lived_tick=self.cycle * 46,
            cpu_seconds=rng.random(), rss_bytes=rng.randrange(2**20), pid=record.number + 1000,
            fingerprint=record.genome_hash, running_fingerprint=record.genome_hash,
            stamp=f"1:{record.genome_hash}:{record.number}", metrics=Metrics(30, 13, 8, 90, 400),
            started_at=record.born_cycle,
        )  # fmt: skip

    def _born(self, count: int, parents: list[str]) -> tuple[list[AgentRecord], dict[str, bytes]]:
        rng = self.draws.rng("born", self.cycle)
        born, genomes = [], {}
        places = sorted(set(range(self.size)) - {one.place for one in self.agents.values()})
        for place in places[:count]:
            number, self.numbers = self.numbers, self.numbers + 1
            agent = self.draws.uuid("agent", number)
            mine = tuple(rng.sample(parents, 2)) if parents else ()
            like = self.genomes[mine[0]] if mine else _genome(agent, rng)
            genome = self._flipped(replace(like, id=agent, parents=mine, mutations={}), rng)
            data = encode(genome)
            self.genomes[agent], genomes[agent] = genome, data
            self.agents[agent] = AgentRecord(
                agent, number, place, State.EMBRYO, self.cycle // 10, mine, self.cycle, 46_000,
                founder=not parents, genome_hash=genome_hash(data), active_genes=13,
                operators=("crossover", "function") if mine else (),
            )  # fmt: skip
            born.append(self.agents[agent])
        return born, genomes

    def _flipped(self, genome: Genome, rng: random.Random) -> Genome:
        files = list(genome.files)
        at = rng.randrange(len(files))
        functions = list(files[at].functions)
        which = rng.randrange(len(functions))
        functions[which] = (functions[which][0], not functions[which][1])
        files[at] = replace(files[at], functions=tuple(functions))
        traits = {**genome.traits, "mutation_rate": rng.random()}
        return replace(genome, files=tuple(files), traits=traits)

    def _state(self) -> RunState:
        return RunState(seed=7, fixed_hash="0" * 64, places=self.size, numbers=self.numbers)


def _genome(agent: str, rng: random.Random) -> Genome:
    files = [path for path in sorted(TEMPLATE.glob("*.rs")) if path.stem != "mod"]
    genes = tuple(
        FileGene(
            f"src/genes/{path.name}",
            hashlib.sha256(path.read_bytes()).hexdigest(),
            rng.random() < 0.7,
            tuple((name, rng.random() < 0.4) for name in ("run", "learn", "reset")),
        )
        for path in files
    )
    return Genome(agent, 0, (), genes, {f"trait_{n}": rng.random() for n in range(12)})


def grown(project: Path, size: int, cycles: int) -> tuple[dict[str, Any], Synthetic]:
    path = project / "workspace" / "registry.sqlite"
    people, took = Synthetic(size), []
    with Registry.create(path) as registry:
        registry.commit(people.founding(), RUN)
        for _ in range(cycles):
            took.append(committed(registry, people))
    bytes_now = path.stat().st_size
    found = {
        "agents": size,
        "cycles": cycles,
        "ever": people.numbers,
        "bytes": bytes_now,
        "bytes_per_agent_ever": round(bytes_now / people.numbers),
        "by_table": by_table(path),
        "commit_ms": summary(took),
    }
    return found, people


def committed(registry: Registry, people: Synthetic) -> float:
    """Milliseconds for what a cycle commits."""
    batches = people.turn()
    begun = time.perf_counter()
    for batch in batches:
        registry.commit(batch, RUN)
    took = time.perf_counter() - begun
    if people.cycle % 20 == 0:
        registry.forget_events(200_000)
    return took * 1000


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        "max": round(ordered[-1], 2),
    }


def by_table(path: Path) -> dict[str, int]:
    """Bytes of the largest tables and indexes, where SQLite can tell."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute(
                "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 12"
            ).fetchall()
        except sqlite3.OperationalError:
            return {}
    return {str(name): int(size) for name, size in rows}


def bury_many(path: Path, people: Synthetic, dead: int) -> None:
    """Until so many have died, who are like those that have; their genomes are one."""
    with Registry.create(path) as registry:
        like = next(iter(people.agents.values()))
        data = encode(people.genomes[like.id])
        for first in range(people.numbers, people.numbers + dead, 10_000):
            batch = [
                replace(
                    like, id=people.draws.uuid("agent", number), number=number, founder=False,
                    state=State.DEAD, cause=str(Cause.AGE), pid=None, evidence=(),
                    parents=(like.id,), died_cycle=people.cycle,
                )
                for number in range(first, min(first + 10_000, people.numbers + dead))
            ]  # fmt: skip
            genomes = {one.id: data for one in batch}
            registry.commit(Batch(batch, genomes, during=people.cycle), RUN)
        people.numbers += dead


def aged(project: Path, people: Synthetic, dead: int, rounds: int) -> dict[str, Any]:
    path = project / "workspace" / "registry.sqlite"
    bury_many(path, people, dead)
    took = []
    with Registry.create(path) as registry:
        took = [committed(registry, people) for _ in range(rounds * 4)]
    found: dict[str, list[float]] = {"open": [], "status": [], "python": []}
    commands = {
        "open": [sys.executable, "-c", OPEN, str(path)],
        "status": [*EVOLVE, "status", "--json"],
        "python": [sys.executable, "-c", "pass"],
    }
    for _ in range(rounds):
        for name, argv in commands.items():
            begun = time.perf_counter()
            subprocess.run(argv, cwd=project, check=True, capture_output=True)
            found[name].append(time.perf_counter() - begun)
    return {
        "dead": people.numbers - people.size,
        "bytes": path.stat().st_size,
        "seconds": {name: round(statistics.median(each), 3) for name, each in found.items()},
        "commit_ms": summary(took[1:]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--dead", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="on one line")
    options = parser.parse_args()
    with printed(None if options.json else 2) as report, scratch("registry-") as folder:
        project = new_project(folder, "project")
        report["growth"], people = grown(project, options.agents, options.cycles)
        if options.dead:
            report["aged"] = aged(project, people, options.dead, options.rounds)


if __name__ == "__main__":
    main()
