"""Tasks that are Cargo projects, built by evolve and by cargo itself."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rust_support import boxed

from evolve_ai.contracts.program_builder import Built
from evolve_ai.model.candidate import Sources
from evolve_ai.model.trial import Fault
from evolve_ai.substrates.rust.task_builder import CargoBuilder, TaskBuild
from evolve_ai.system.task_file import parse_task
from evolve_ai.system.task_folder import read_files

MANIFEST = '[package]\nname = "roots"\nversion = "0.1.0"\nedition = "2021"\n'


@dataclass(frozen=True)
class Behaviour:
    """What a run of a program comes to."""

    code: int
    out: bytes
    err: bytes


class CargoTask:
    """A folder with a Cargo project; files that `changing` matches may change."""

    def __init__(
        self,
        root: Path,
        files: Mapping[str, str],
        changing: str = "src/main.rs",
        manifest: str = MANIFEST,
        crates: Mapping[str, str] | None = None,
    ):
        self.folder, self.root = root / "task", root
        for path, text in {"Cargo.toml": manifest, **files}.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        text = f'[program]\nfiles = ["{changing}"]\n[evaluate]\ncommand = ["x"]\nbuild = "cargo"\n'
        self.files = read_files(self.folder, parse_task(text))
        self.crates = dict(crates or {})

    def builder(self, together: int = 32, name: str = "workspace") -> CargoBuilder:
        asked = TaskBuild(self.files, self.crates, together)
        return CargoBuilder(asked, self.root / name, boxed)

    def program(self, **changed: str) -> dict[str, bytes]:
        """The initial program but for these texts: `main` for src/main.rs."""
        new = {f"src/{name}.rs": text.encode() for name, text in changed.items()}
        return {**self.files.initial, **new}

    def by_cargo(self, program: Sources) -> Path | str:
        """The executable that cargo makes of it in a folder of its own, or what it says."""
        place = self.root / "by-cargo"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder, place)
        for path, data in program.items():
            (place / path).write_bytes(data)
        env = {**os.environ, "CARGO_TARGET_DIR": str(self.root / "by-cargo-target")}
        words = ["cargo", "build", "--release", "--offline", "--quiet"]
        done = subprocess.run(words, cwd=place, env=env, capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        return self.root / "by-cargo-target" / "release" / "roots"

    def run(self, program: bytes, words: Sequence[str] = (), text: bytes = b"") -> Behaviour:
        place = self.root / "run" / "roots"
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(program)
        place.chmod(0o755)
        env = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
        argv = ["roots", *words]
        done = subprocess.run(argv, executable=place, input=text, capture_output=True, env=env)
        # A thread is told by its number.
        return Behaviour(done.returncode, done.stdout, _without_thread(done.stderr))


def _without_thread(told: bytes) -> bytes:
    lines = told.splitlines()
    return b"\n".join(b"thread main" if b"thread 'main'" in line else line for line in lines)


def executable(found: Built | Fault) -> bytes:
    assert isinstance(found, Built), found
    return found.data
