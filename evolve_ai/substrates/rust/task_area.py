"""The folder in which the programs of a task are compiled: as they are, or several together."""

from collections.abc import Mapping
from pathlib import Path

from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.target import Target
from evolve_ai.system.files import publish_if_changed, storage_errors
from evolve_ai.system.trees import discard

PACKAGE = "package"


class TaskArea(BuildArea):
    """One package, whose files change from build to build. What cargo makes of the crates that it
    depends on lies in `target`, which several areas may share."""

    def __init__(self, folder: Path, target: Target, fixed: Mapping[str, bytes], has_crates: bool):
        """`fixed` are files that never change, among them Cargo.toml and Cargo.lock."""
        self.home, self.folder, self.target = folder, folder / PACKAGE, target
        self.has_crates = has_crates
        self._flags = ()
        self._changing: set[str] = set()
        self._fixed = fixed
        with storage_errors(folder):
            discard(self.folder)
            self.folder.mkdir(parents=True)
        for path, data in fixed.items():
            publish_if_changed(self.folder / path, data)

    def lay(self, files: Mapping[str, bytes]) -> None:
        """Have the package hold these files besides those that never change."""
        for path in self._changing - set(files):
            (self.folder / path).unlink(missing_ok=True)
        for path, data in files.items():
            publish_if_changed(self.folder / path, data)
        self._changing = set(files)

    def sources(self) -> tuple[Path, ...]:
        return (self.folder, self.home / "home")

    def variables(self) -> dict[str, str]:
        return self.variables_with(self.home / "home")
