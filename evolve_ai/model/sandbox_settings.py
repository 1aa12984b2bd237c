"""The settings of the sandbox: the table `[sandbox]` of evolve.toml."""

from typing import Annotated, Literal

from pydantic import Field

from evolve_ai.model.setting import FOLDERS_FORM, AbsolutePath, Section, setting

MIB = 1024 * 1024


class SandboxSettings(Section):
    """How agents and their builds are kept apart from everything else."""

    level: Literal["full", "landlock", "none"] = setting(
        "landlock",
        "a box for each agent and each build, with namespaces around them, without namespaces, or "
        'no box; "none" only together with --unsafe on the command line',
        form='"full", "landlock" or "none"',
    )
    readable: Annotated[tuple[AbsolutePath, ...], Field(strict=False)] = setting(
        (),
        "more files and folders that agents may read and load code from, and that builds may run "
        "programs from",
        form=FOLDERS_FORM,
    )
    threads: int = setting(
        0,
        "most threads of an agent, including the first; 0: as many as its language needs",
        unit="threads",
        low=0,
        high=4096,
    )
    state_files: int = setting(
        64, "most files and folders in an agent's state/", unit="files", low=1, high=1_000_000
    )
    state_bytes: int = setting(
        64 * MIB, "most bytes in an agent's state/", unit="bytes", low=4096, high=2**50
    )
