"""Builds one wiring in this process, to be killed or starved: TEMPLATE WORKSPACE [WORD…].

`die-before-rename` ends it with SIGKILL when a batch is whole but has not got its name yet;
`files-of N` lets no file grow beyond N bytes. What became of it is printed as one line.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from faults_support import build_200, said
from rust_support import BoxedRust

from evolve_ai.model.errors import EvolveError


def die_before_rename() -> None:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name.startswith(".new-"):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, target)

    Path.replace = replace  # type: ignore[method-assign, assignment]


def main(template: str, workspace: str, *words: str) -> None:
    if "die-before-rename" in words:
        die_before_rename()
    if "files-of" in words:
        most = int(words[words.index("files-of") + 1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    substrate = BoxedRust()
    pool = substrate.read_pool(Path(template))
    try:
        verdict = build_200(substrate.builder(Path(workspace), pool), pool, substrate)
        print("built", said(verdict).split())
    except EvolveError as error:
        print(type(error).__name__, str(error).replace("\n", " | "))


if __name__ == "__main__":
    main(*sys.argv[1:])
