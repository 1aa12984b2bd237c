"""The errors that a user can cause: one class per cause, one exit code per kind."""

from pathlib import Path

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_PROJECT = 3
EXIT_TOOLCHAIN = 4
EXIT_HELD = 75


class EvolveError(Exception):
    """What is wrong, where, and what to do about it; the command line prints it and exits."""

    exit_code = EXIT_FAILED

    def __init__(self, what: str, *, where: str | Path | None = None, todo: str | None = None):
        super().__init__(what)
        self.what = what
        self.where = str(where) if where is not None else None
        self.todo = todo

    def __str__(self) -> str:
        # A file name may contain line breaks, and must not pass for lines of ours.
        where = self.where.replace("\n", r"\n") if self.where else None
        text = f"{where}: {self.what}" if where else self.what
        return f"{text}\n  {self.todo}" if self.todo else text


class UsageError(EvolveError):
    exit_code = EXIT_USAGE


class SettingsError(UsageError):
    """An unusable key or value in evolve.toml or on the command line."""


class TaskError(UsageError):
    """The folder of a task cannot be used: a file, a mark, an evaluator is missing or wrong."""


class NoScoreError(EvolveError):
    """No candidate has a score, so that there is nothing to go on from."""


class TemplateError(EvolveError):
    """The template cannot be read as a pool of genes."""


class SeriesError(EvolveError):
    """The data of a world cannot be read as a series of numbers."""


class PluginError(SettingsError):
    """A name in the settings does not lead to a usable plug-in."""


class NoProjectError(EvolveError):
    exit_code = EXIT_NO_PROJECT


class NoPopulationError(EvolveError):
    """A command needs agents, but the project has none."""


class UnknownAgentError(UsageError):
    """An id, or the beginning of one, matches no agent or several."""


class ToolchainError(EvolveError):
    exit_code = EXIT_TOOLCHAIN


class LeftBehindError(ToolchainError):
    """A build has ended, but one of its processes cannot be ended."""


class HeldError(EvolveError):
    """Another life-cycle holds the project."""

    exit_code = EXIT_HELD


class RegistryError(EvolveError):
    """The registry cannot be opened, read or written."""


class LimitError(EvolveError):
    """A limit of this machine or account leaves no room for another agent."""


class MachineError(EvolveError):
    """This machine refuses what a start or a build needs; no agent is to blame."""

    exit_code = EXIT_TOOLCHAIN


class StorageError(EvolveError):
    """The disk is full, read-only, or fails."""


class SigningKeyError(EvolveError):
    """The key that signs programs cannot be trusted or used."""


class SandboxError(EvolveError):
    """The requested sandbox is not available here."""

    exit_code = EXIT_TOOLCHAIN
