"""Owns how `evolve` comes up: ended by Ctrl-C without a word as long as nothing has begun."""

import signal
from importlib import import_module


def main() -> None:
    """Run the command line, whose parts take a while to load."""
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command_line = import_module("evolve_ai.cli")
    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line.main()


if __name__ == "__main__":
    main()
