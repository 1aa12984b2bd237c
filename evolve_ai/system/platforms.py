"""The operating systems that a project can run on."""

import platform
import sys

from evolve_ai.model.errors import SandboxError


def refuse_other_systems() -> None:
    """SandboxError on a system without sandboxes or the means to supervise agents."""
    if sys.platform != "linux":
        raise SandboxError(
            "agents are boxed and watched over by Linux (Landlock, seccomp, pidfd), and this is "
            f"{platform.system()}",
            todo="run it on Linux: a virtual machine or a container will do",
        )
