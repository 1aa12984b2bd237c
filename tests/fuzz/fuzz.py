"""Fuzzes one target with coverage for a guide: fuzz.py TARGET [JUDGE] [options of libFuzzer].

JUDGE is the program of tests/fuzz/judge, for `genomes`. Needs atheris, which is part of the extra
`dev` where it has a wheel.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["evolve_ai"]):
    from targets import BEFORE_BODY, TARGETS, Genomes, Judge

from mutator import mutator


def main() -> None:
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    if name == "genomes" and options and not options[0].startswith("-"):
        target = Genomes(Judge(Path(options.pop(0))))
    how = {"custom_mutator": mutator(BEFORE_BODY[name])} if name in BEFORE_BODY else {}
    atheris.Setup([sys.argv[0], *options], target, **how)
    atheris.Fuzz()


main()
