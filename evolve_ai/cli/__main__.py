"""Owns `python -m evolve_ai.cli`, which is `evolve`."""

from evolve_ai.cli import main

if __name__ == "__main__":
    main()
