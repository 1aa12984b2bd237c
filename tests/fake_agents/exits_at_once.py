"""Exits with code 3 before it is ready, with a word to its log."""

import sys

print("no config, no fun\nnote: try again", file=sys.stderr)
raise SystemExit(3)
