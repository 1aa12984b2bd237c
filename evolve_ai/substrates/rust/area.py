"""The build area: one cargo workspace with the kernel, the units and the batch as crates."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.dependencies import dependencies_of
from evolve_ai.substrates.rust.lock import LOCK, Member, lock_of
from evolve_ai.substrates.rust.manifest import MANIFEST, build_settings
from evolve_ai.substrates.rust.own_home import lay_out
from evolve_ai.substrates.rust.plan import Gene
from evolve_ai.substrates.rust.policy import GENERATED_PREFIX
from evolve_ai.substrates.rust.seal import Seal
from evolve_ai.substrates.rust.target import Target
from evolve_ai.substrates.rust.units import Unit, crate_name, path_of
from evolve_ai.system.files import publish_if_changed, storage_errors
from evolve_ai.system.trees import remove_tree

BATCH = "evolve_batch"
TRIAL = "evolve_trial"
MAX_IDLE_UNITS = 256
# The kernel is the largest crate, and all others wait for it: it may be compiled on several cores.
# That changes how long it takes, not what it does.
_KERNEL_PROFILE = "\n[profile.release.package.{}]\ncodegen-units = 4\n"
_QUIET = "#![allow(warnings)]\n"
_SOURCES = ("Cargo.toml", LOCK, "home", "kernels", "units", "batch")
# What else lies in the area, and whether it is a folder.
_OURS = {"target": True, "failed": True, "home": True, "seal.json": False}

# The argument of a batch: which rows of its table to run, in order, as "genes:4.0.17".
ROWS_PREFIX = "genes:"

_MAIN = """\
use {kernel}::kernel::{{live, Gene}};

// All genes of the units of this batch.
static GENES: [Gene; {count}] = [
{rows}];

fn main() {{
    let told = std::env::args().nth(1);
    let rows = told.as_deref().and_then(|text| text.strip_prefix("{prefix}"));
    let rows = rows.expect("the first argument tells which genes to run: {prefix}4.0.17");
    let genes: Vec<Gene> = rows
        .split('.')
        .filter(|row| !row.is_empty())
        .map(|row| &GENES[row.parse::<usize>().expect("the number of a gene")])
        .map(|gene| Gene {{ name: gene.name, run: gene.run }})
        .collect();
    live(Vec::leak(genes));
}}
"""
_CONTROL = b"""fn main() {
    std::thread::spawn(|| println!("{:?}", std::env::args().collect::<Vec<_>>())).join().unwrap();
}
"""
_FIRST_ROW = _MAIN[: _MAIN.index("{rows}")].count("\n") + 1


class BuildArea:
    """The crates on disk. Names are hashes of content, so a crate never changes once written."""

    def __init__(self, folder: Path, pool: GenePool, base: str, flags: Sequence[str] = ()):
        self.folder = folder
        self.target = Target(folder / "target")
        self.kernel = crate_name("kernel", base)
        self.seal = Seal(self.target, folder / "seal.json")
        self._pool = pool
        manifest = pool.manifests[MANIFEST]
        self._edition, self._profile = build_settings(manifest)
        self._flags = flags  # of rustc
        self._crates = "".join(one.row() for one in dependencies_of(manifest))
        self.has_crates = bool(self._crates)
        self._lock = pool.manifests.get(LOCK)
        self._members: dict[str, Member] = {}
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, units: Sequence[Unit], code: Callable[[str], bytes], genes: Sequence[Gene]
    ) -> None:
        """Lay out a workspace of exactly these units and a batch of these genes, in this order.

        `code` gives a file by SHA-256.
        """
        self._members.clear()
        homes = {f"kernels/{self.kernel}": self._kernel_files()}
        homes.update({f"units/{unit.name}": self._unit_files(unit, code) for unit in units})
        crates = {**homes, "batch": self._batch_files(genes, units)}
        files = {f"{home}/{path}" for home, inside in crates.items() for path in inside}
        strange = self._sweep(files | {"Cargo.toml", LOCK})
        for home, inside in crates.items():
            self._write_crate(home, inside, known=home in homes, swept=home in strange)
        listed = "".join(f'    "{home}",\n' for home in crates)
        workspace = f'[workspace]\nresolver = "2"\nmembers = [\n{listed}]\n\n'
        self._put("Cargo.toml", workspace + self._profile + _KERNEL_PROFILE.format(self.kernel))
        publish_if_changed(self.folder / LOCK, lock_of(self._lock, self._members))

    def sources(self) -> tuple[Path, ...]:
        """Where all lies that was laid out, and nothing else."""
        return tuple(self.folder / name for name in _SOURCES)

    def control(self) -> Path:
        """A program that any compiler compiles, for the moment."""
        path = self.target.scratch / "control.rs"
        publish_if_changed(path, _CONTROL)
        return path

    def variables(self) -> dict[str, str]:
        """What tells a build where it may write, and where its configuration is: all of it."""
        return self.variables_with(self.folder / "home")

    def variables_with(self, home: Path) -> dict[str, str]:
        return {
            **lay_out(home, os.environ),
            "CARGO_TARGET_DIR": str(self.target.folder),
            "CARGO_BUILD_BUILD_DIR": str(self.target.folder),
            "TMPDIR": str(self.target.scratch),
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self._flags),
        }

    def clean(self) -> None:
        """Forget everything compiled."""
        self.target.empty()
        self.seal.forget()

    def forget_batch(self) -> None:
        """Have the batch compiled again whatever the clock says of its files.

        Cargo compares times; after a step back of the clock it would hand out the batch before.
        """
        self.target.forget(BATCH)

    def prune(self, kept: Collection[str], limit: int = MAX_IDLE_UNITS) -> int:
        """Remove the units and kernels longest unused, beyond this many, but none of `kept`."""
        dropped = 0
        for kind in ("units", "kernels"):
            crates = [path for path in (self.folder / kind).glob("*") if path.name not in kept]
            crates.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in crates[limit:]:
                self.target.forget(path.name)
                remove_tree(path)
                dropped += 1
        return dropped

    def _sweep(self, files: Collection[str]) -> set[str]:
        """Remove what nobody laid out: links, build scripts, settings of cargo or rustup, ...

        Crates of other batches stay. Returns the crates (as "units/<name>") that had such.
        """
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
        strange = set()
        waiting = ["."]
        while waiting:
            at = waiting.pop()
            for entry in self._entries(at):
                path = str(PurePosixPath(at, entry.name))
                if path in folders and entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif not _stays(path, entry, files):
                    remove_tree(Path(entry.path))
                    strange.add("/".join(path.split("/")[:2]))
        return strange

    def _entries(self, at: str) -> Iterator["os.DirEntry[str]"]:
        with os.scandir(self.folder / at) as entries:
            yield from entries

    def _kernel_files(self) -> dict[str, bytes]:
        """The kernel as the template has it: its errors then name files that somebody can mend."""
        fixed = self._pool.as_in_template
        inside = {path: code for path, code in fixed.items() if path.startswith("src/kernel/")}
        return {
            "Cargo.toml": self._manifest(self.kernel, {}).encode(),
            "src/lib.rs": f"{_QUIET}pub mod kernel;\n".encode(),
            **inside,
        }

    def _unit_files(self, unit: Unit, code: Callable[[str], bytes]) -> dict[str, bytes]:
        others = {name: f"../{name}" for _, name in unit.uses}
        needs = {self.kernel: f"../../kernels/{self.kernel}", **others}
        rows = [f"    pub use {name}::genes::{module};" for module, name in unit.uses]
        rows += [f"    pub mod {module};" for module, _ in unit.members]
        genes = "\n".join(rows)
        text = f"{_QUIET}pub use {self.kernel}::kernel;\npub mod genes {{\n{genes}\n}}\n"
        return {
            "Cargo.toml": self._manifest(unit.name, needs).encode(),
            "src/lib.rs": text.encode(),
            **{path_of(module): code(digest) for module, digest in unit.members},
        }

    def _batch_files(self, genes: Sequence[Gene], units: Sequence[Unit]) -> dict[str, bytes]:
        needs = {self.kernel: f"../kernels/{self.kernel}"}
        needs.update({unit.name: f"../units/{unit.name}" for unit in units})
        return {
            "Cargo.toml": self._manifest(BATCH, needs).encode(),
            "src/main.rs": batch_main(self.kernel, genes).encode(),
        }

    def _write_crate(
        self, home: str, files: Mapping[str, bytes], *, known: bool, swept: bool
    ) -> None:
        """Have a crate hold these files. One that is named by its content (`known`) and held
        others was compiled to what is wrong."""
        known = known and (self.folder / home).exists()
        changed = [publish_if_changed(self.folder / home / path, files[path]) for path in files]
        if known and (swept or any(changed)):
            self.target.forget(PurePosixPath(home).name)
        os.utime(self.folder / home)

    def _manifest(self, name: str, needs: Mapping[str, str]) -> str:
        """The manifest of a member of the workspace, which also enters the lock."""
        self._members[name] = Member(needs=tuple(needs))
        rows = "".join(f'{crate} = {{ path = "{path}" }}\n' for crate, path in needs.items())
        return (
            f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "{self._edition}"\n'
            f"publish = false\n\n[dependencies]\n{rows}{self._crates}"
        )

    def _put(self, path: str, text: str) -> None:
        publish_if_changed(self.folder / path, text.encode())


class TrialArea(BuildArea):
    """One program of one line, laid out and built as batches are."""

    def __init__(self, folder: Path, flags: Sequence[str] = ()):
        self.folder = folder
        self.target = Target(folder / "target")
        self._flags = flags
        self.has_crates = False
        package = f'[package]\nname = "{TRIAL}"\nversion = "0.0.0"\nedition = "2021"\n'
        lock = lock_of(None, {TRIAL: Member()})
        for path, data in (
            (MANIFEST, f"{package}[workspace]\n".encode()),
            (LOCK, lock),
            ("src/main.rs", _CONTROL),
        ):
            publish_if_changed(folder / path, data)

    def sources(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in (MANIFEST, LOCK, "src", "home"))


def batch_main(kernel: str, genes: Sequence[Gene]) -> str:
    rows = "".join(
        f'    Gene {{ name: "{call}", run: {unit}::genes::{call} }},\n' for unit, call in genes
    )
    return _MAIN.format(kernel=kernel, count=len(genes), rows=rows, prefix=ROWS_PREFIX)


def _stays(path: str, entry: "os.DirEntry[str]", files: Collection[str]) -> bool:
    """Is it to be written by us, or beside the sources of this batch, and what it should be?"""
    folder, file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
    if path in files:
        return file
    if path in _OURS:
        return folder if _OURS[path] else file
    kind, *names = path.split("/")
    crate = len(names) == 1 and names[0].startswith(GENERATED_PREFIX)
    return folder and crate and kind in ("kernels", "units")


def row_of_line(line: int) -> int:
    """Which gene of the batch stands in this line (from 1) of its main.rs."""
    return line - _FIRST_ROW
