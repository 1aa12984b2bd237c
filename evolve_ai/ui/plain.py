"""Makes foreign text safe for a terminal: control characters are shown instead of obeyed."""

import unicodedata


def plain(written: str) -> str:
    """Make visible what a terminal would obey or hide (ESC as \\x1b); lines and tabs stay.

    It would obey the control characters C0 and C1 (ECMA-48), which begin every escape sequence. It
    would hide formats, such as those that reverse the direction of writing (Unicode TR 36, 3.1).
    """
    return "\n".join(map(_line, written.split("\n")))


def one_line(written: str) -> str:
    """`plain`, on one line, so that foreign text cannot pass for lines of ours."""
    return plain(written).replace("\n", r"\n").replace("\t", r"\t")


def _line(written: str) -> str:
    if written.isprintable():
        return written
    return "".join(char if _harmless(char) else _named(char) for char in written)


def _harmless(char: str) -> bool:
    return char.isprintable() or char == "\t" or unicodedata.category(char) == "Zs"


def _named(char: str) -> str:
    return char.encode("unicode_escape").decode()
