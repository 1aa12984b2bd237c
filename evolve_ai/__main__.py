"""How `evolve` comes up: ended by Ctrl-C without a word as long as nothing has begun."""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module

from evolve_ai import __version__

LINE = f"evolve, version {__version__}"


def main() -> None:
    """Run the command line, whose parts take a while to load; the version is told without them."""
    if sys.argv[1:] == ["--version"]:
        tell_version()
        return
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command_line = import_module("evolve_ai.cli")
    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line.main()


def tell_version() -> None:
    """An answer that could not be written is no success."""
    try:
        os.write(1, f"{LINE}\n".encode())
    except OSError as error:
        with suppress(OSError):
            os.write(2, f"evolve: stdout: {error.strerror}\n".encode())
        sys.exit(1)


if __name__ == "__main__":
    main()
