"""The errors a user can cause: one class per cause, one exit code per kind."""

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
        # A name of a file may hold lines, which must not pass for lines of ours.
        where = self.where.replace("\n", r"\n") if self.where else None
        text = f"{where}: {self.what}" if where else self.what
        return f"{text}\n  {self.todo}" if self.todo else text


class UsageError(EvolveError):
    exit_code = EXIT_USAGE


class SettingsError(UsageError):
    """A key or a value in evolve.toml, or on the command line, that cannot be used."""


class TemplateError(EvolveError):
    """The template cannot be read as a pool of genes."""


class SeriesError(EvolveError):
    """The data of a world cannot be read as a series of numbers."""


class PluginError(SettingsError):
    """A name in the settings that leads to no plug-in."""


class NoProjectError(EvolveError):
    exit_code = EXIT_NO_PROJECT


class NoPopulationError(EvolveError):
    """A command that needs agents was given a project without any."""


class UnknownAgentError(UsageError):
    """An id, or the beginning of one, that names no agent or several."""


class ToolchainError(EvolveError):
    exit_code = EXIT_TOOLCHAIN


class LeftBehindError(ToolchainError):
    """A build is over, and a process of it cannot be ended."""


class HeldError(EvolveError):
    """Another life-cycle holds the project."""

    exit_code = EXIT_HELD


class RegistryError(EvolveError):
    """The registry cannot be opened, read or written."""


class LimitError(EvolveError):
    """A limit of this machine or account leaves no room for another agent."""


class MachineError(EvolveError):
    """This machine refuses what a start or a build needs: no agent is to blame for it."""

    exit_code = EXIT_TOOLCHAIN


class StorageError(EvolveError):
    """The disk is full, read-only, or refuses us."""


class SigningKeyError(EvolveError):
    """The key that programs are signed with cannot be trusted, or not be used."""


class SandboxError(EvolveError):
    """The sandbox that was asked for cannot be had here."""

    exit_code = EXIT_TOOLCHAIN
