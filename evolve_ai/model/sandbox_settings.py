"""The settings of the sandbox: the table `[sandbox]` of evolve.toml."""

from typing import Annotated, Literal

from pydantic import Field

from evolve_ai.model.setting import FOLDERS_FORM, AbsolutePath, Section, setting

MIB = 1024 * 1024


class SandboxSettings(Section):
    """What stands between agents or their builds and everything else."""

    level: Literal["full", "landlock", "none"] = setting(
        "landlock",
        "how much: a box for each agent and each build, namespaces around them besides, or "
        'nothing; "none" only together with --unsafe on the command line',
        form='"full", "landlock" or "none"',
    )
    readable: Annotated[tuple[AbsolutePath, ...], Field(strict=False)] = setting(
        (),
        "files and folders that agents may read and load code from, and builds run programs from, "
        "besides their own folder and what their language needs",
        form=FOLDERS_FORM,
    )
    threads: int = setting(
        0,
        "threads of an agent, the first one counted; 0: as many as its language needs",
        unit="threads",
        low=0,
        high=4096,
    )
    state_files: int = setting(
        64, "files and folders in an agent's state/, at most", unit="files", low=1, high=1_000_000
    )
    state_bytes: int = setting(
        64 * MIB, "what an agent's state/ holds, at most", unit="bytes", low=4096, high=2**50
    )
