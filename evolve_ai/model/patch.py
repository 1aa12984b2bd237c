"""Writes the difference between two programs as a unified diff, which `patch -p1` applies."""

import difflib
from collections.abc import Iterator

from evolve_ai.model.candidate import Sources


def unified(before: Sources, after: Sources) -> str:
    """Files are named a/PATH and b/PATH. Bytes that are not UTF-8 are shown as surrogates."""
    return "".join(_of_file(path, before[path], after[path]) for path in before)


def _of_file(path: str, before: bytes, after: bytes) -> str:
    if before == after:
        return ""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    return "".join(_whole(lines))


def _lines(data: bytes) -> list[str]:
    """With their ends; only a line feed ends one, as in patch(1)."""
    text = data.decode("utf-8", "surrogateescape")
    parts = text.split("\n")
    return [f"{one}\n" for one in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _whole(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
