"""The way of a user with a scaffolded task: `evolve new`, `improve`, `best`, as they are typed."""

import subprocess
from pathlib import Path

from commands import Done, evolve
from language_of import language_named

from evolve_ai.model.errors import EXIT_FAILED, EXIT_TOOLCHAIN, ToolchainError


def missing_toolchain(language: str) -> ToolchainError | None:
    try:
        language_named(language).toolchain()
    except ToolchainError as error:
        return error
    return None


class ScaffoldWalk:
    """In a folder that is made."""

    def __init__(self, folder: Path, language: str, env: dict[str, str] | None = None) -> None:
        self.folder, self.language, self._env = folder, language, env
        self.project = folder / "evolve_output"

    def new(self) -> Done:
        done = self._typed("new", self.folder, "--task", self.language)
        assert done.code == 0, done.err
        assert f"Next: evolve improve {self.folder}" in done.out
        return done

    def improve(self, candidates: int) -> Done:
        return self._typed("improve", self.folder, "--candidates", candidates)

    def best(self) -> Done:
        return self._typed("best", "--project", self.project, "--diff")

    def is_walked(self, candidates: int) -> bool:
        """All of it; true if the program became better, which the patch then makes of it."""
        assert not self.new().err
        done = self.improve(candidates)
        assert done.code == 0, done.err
        assert done.out.startswith("initial program  ")
        assert f"\n{candidates} candidates" in done.out
        best = self.best()
        assert best.code == 0, best.err
        if "nothing is better than the initial program yet" in done.out:
            assert best.out == ""
            return False
        assert f"Next: evolve best --project {self.project} --diff" in done.out
        self._apply(best.out)
        return True

    def _apply(self, patch: str) -> None:
        (program,) = self.folder.glob("program.*")
        before = program.read_bytes()
        assert patch.startswith(f"--- a/{program.name}\n+++ b/{program.name}\n")
        subprocess.run(["patch", "-p1", "-s"], input=patch, cwd=self.folder, text=True, check=True)
        exported = self.folder.parent / "exported"
        done = self._typed("best", "--project", self.project, "--export", exported)
        assert done.code == 0, done.err
        assert before != program.read_bytes() == (exported / program.name).read_bytes()

    def is_told(self, missing: ToolchainError) -> None:
        """What is missing is said at the start, and again where it is needed; then there is
        nothing to show."""
        assert missing.todo
        assert f"warning: {missing.what}; {missing.todo}" in self.new().err
        done = self.improve(3)
        assert done.code == EXIT_TOOLCHAIN, done.err
        assert "the initial program has no score: " in done.err
        assert missing.what in done.err
        assert done.err.endswith(f"\n  {missing.todo}\n")
        checked = self._typed("check", self.folder)
        assert checked.code == EXIT_FAILED
        assert f"warning: {missing.what}; {missing.todo}" in checked.out + checked.err
        best = self.best()
        assert best.code == EXIT_FAILED
        assert "no candidate has a score yet" in best.err

    def _typed(self, *words: object) -> Done:
        return evolve(*words, env=self._env)
