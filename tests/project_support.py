"""A project under test: `evolve` as a user types it, with real cargo and real processes."""

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from commands import EVOLVE, Done, evolve
from seen import first_word

from evolve_ai.model.genome import decode
from evolve_ai.state.registry import Registry
from evolve_ai.system.signing import make_key

SEED = "7"
# Where no toolchain can be found, not even in the place of a user's own.
NO_CARGO = dict.fromkeys(("PATH", "HOME", "CARGO_HOME"), "/nonexistent")
# Settings of a world in which nobody dies by itself.
UNDYING = {"turnover_floor": 0.0, "age_limit": 1000, "start_cycles": 9.0}
AGENT = "agent-"
KEEPER = "evolve-keeper"


class ProjectUnderTest:
    """A folder made by `evolve new`, and what a test does to it."""

    def __init__(self, root: Path):
        self.root = root
        self.started: list[subprocess.Popen[str]] = []

    # Commands.

    def evolve(self, *words: object, code: int = 0, env: dict[str, str] | None = None) -> Done:
        done = evolve(words[0], "--project", self.root, *words[1:], env=env)
        assert done.code == code, f"exit code {done.code}:\n{done.out}\n{done.err}"
        return done

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """A command in the background, in a session of its own, ended with the test."""
        process = subprocess.Popen(
            [*EVOLVE, *map(str, words), "--project", str(self.root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def live(self, cycles: int, *words: object, code: int = 0) -> Done:
        return self.evolve("life-cycle", "--cycles", cycles, *words, code=code)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.evolve("status", "--json").json
        return found

    def digest(self) -> str:
        return str(self.status()["history_digest"])

    def chain(self) -> dict[int, str]:
        """The digest of each cycle."""
        with sqlite3.connect(self.root / "workspace" / "registry.sqlite") as connection:
            return dict(connection.execute("SELECT cycle, digest FROM cycles"))

    def agents(self, *words: object) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.evolve("agents", "--json", *words).json
        return rows

    # Files.

    def gene(self, name: str, text: str) -> Path:
        path = self.root / "agent_template" / "src" / "genes" / f"{name}.rs"
        path.write_text(text, encoding="utf-8")
        return path

    def set(self, **values: object) -> None:
        """Change a setting of evolve.toml; by its last name."""
        lines = (self.root / "evolve.toml").read_text(encoding="utf-8").splitlines()
        for key, value in values.items():
            at = next(n for n, line in enumerate(lines) if line.startswith(f"{key} ="))
            lines[at] = f"{key} = {value}"
        (self.root / "evolve.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def folder(self, agent: str) -> Path:
        return self.root / "agents" / agent

    def events(self, kind: str | None = None, agent: str | None = None) -> list[dict[str, Any]]:
        """The lines of events.jsonl, oldest first, rotated ones included; the last one when it is
        whole."""
        logs = self.root / "logs"
        found = []
        for path in sorted(logs.glob("events*.jsonl*"), key=lambda path: path.stat().st_mtime_ns):
            whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
            found += [json.loads(line) for line in whole.splitlines()]
        return [
            event
            for event in found
            if kind in (None, event["event"]) and agent in (None, event["agent"])
        ]

    def recorded(self) -> list[int]:
        """The sequence numbers of the events in the registry."""
        with Registry.read(self.root / "workspace" / "registry.sqlite") as registry:
            return [recorded.seq for recorded in registry.events_after(0)]

    def break_gene(self, agent: str) -> str:
        """Have an active gene file of an agent say what no compiler takes; its path there."""
        genome = decode((self.folder(agent) / "genome.bin").read_bytes())
        gene = next(gene for gene in genome.files if gene.active)
        path = self.folder(agent) / gene.path
        path.write_bytes(path.read_bytes() + b'\npub fn broken() -> u64 { "seven" }\n')
        return gene.path

    def spoil(self, name: str, text: str) -> None:
        """Write this over a gene file in the folders of all agents."""
        for path in self.root.glob(f"agents/*/src/genes/{name}.rs"):
            path.write_text(text, encoding="utf-8")

    # Processes.

    def processes(self) -> list[psutil.Process]:
        """Whatever runs for this project: commands, workers, compilers, agents."""
        root = str(self.root.resolve())
        return [process for process in psutil.process_iter() if self._ours(process, root)]

    def _ours(self, process: psutil.Process, root: str) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            words = process.cmdline()
            with suppress(OSError):  # a path longer than /proc can tell, of some other test
                words.append(process.cwd())
        except psutil.Error:
            return False
        return any(word == root or word.startswith(f"{root}/") for word in words)

    def agent_pids(self) -> dict[str, int]:
        """Who lives, be it on record or not; an agent with two processes is an AssertionError."""
        found: dict[str, int] = {}
        for process in self.processes():
            name = first_word(process)
            if name.startswith(AGENT):
                assert name.removeprefix(AGENT) not in found, f"two processes of {name}"
                found[name.removeprefix(AGENT)] = process.pid
        return found

    def keepers(self) -> list[psutil.Process]:
        return [p for p in self.processes() if Path(first_word(p)).name == KEEPER]

    def pipes(self) -> list[Path]:
        return list(self.root.glob("workspace/colony*/pipes/*"))

    def clean_up(self) -> list[str]:
        """End whatever is left; what that was."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
            except ValueError:  # its output was closed by the test
                process.wait(20)
        left = self.processes()
        told = []
        for process in left:
            with suppress(psutil.NoSuchProcess):
                told.append(f"{process.pid} {' '.join(process.cmdline())}")
                process.kill()
        return told


def wait_until(
    met: Callable[[], Any], what: str, seconds: float = 60.0, every: float = 0.05
) -> Any:
    """Poll until something is true; AssertionError, naming it, when it never is.

    A look that is dear is taken less often: who is waited for needs the processor, too.
    """
    deadline = time.monotonic() + seconds
    while (begun := time.monotonic()) < deadline:
        found = met()
        if found:
            return found
        time.sleep(max(every, 3 * (time.monotonic() - begun)))
    raise AssertionError(f"never saw {what}")


def end_gracefully(running: "subprocess.Popen[str]", seconds: float) -> None:
    """If the cycle under way is over within these; at once if not."""
    running.terminate()
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        running.terminate()
        running.wait(20)


def tree(folder: Path) -> dict[str, bytes]:
    """Every regular file below a folder, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def clone(source: Path, root: Path, workspace: Path) -> ProjectUnderTest:
    """A copy of a project, with the store and build area of all copies."""
    shutil.copytree(source, root, symlinks=True)
    if not (root / "workspace" / "store").is_symlink():
        share(root, workspace)
    return ProjectUnderTest(root)


def share(project: Path, workspace: Path) -> None:
    """Let a project use another's store and build area, so that little is compiled twice; and its
    key, by which that store is signed."""
    key = workspace / "key"
    if not key.exists():
        make_key(key)
    (project / "workspace").mkdir(exist_ok=True)
    shutil.copy2(key, project / "workspace" / "key")
    for name in ("build", "store"):
        own = project / "workspace" / name
        if own.exists():
            shutil.rmtree(own)
        (workspace / name).mkdir(parents=True, exist_ok=True)
        own.symlink_to(workspace / name)
