"""Inserts many rows with few statements: each costs as much as some values more."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

_AT_ONCE = 50


def insert(connection: sqlite3.Connection, into: str, rows: Iterable[Sequence[Any]]) -> None:
    """Insert these rows in this order; `into` is the statement up to its values."""
    rows = list(rows)
    if not rows:
        return
    one = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _AT_ONCE
    blocks = (rows[at : at + _AT_ONCE] for at in range(0, whole, _AT_ONCE))
    many = ", ".join([one] * _AT_ONCE)
    connection.executemany(f"{into} VALUES {many}", map(list, map(chain.from_iterable, blocks)))
    connection.executemany(f"{into} VALUES {one}", rows[whole:])
