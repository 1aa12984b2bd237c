"""What the readers of all registries share: an open connection, the run state, event numbers."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from evolve_ai.model.run_state import RunState
from evolve_ai.state import rows
from evolve_ai.state.opening import told


class OpenReader:
    """Of an open registry. Raises RegistryError for what SQLite refuses."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection = connection
        self.path = path

    @property
    def connection(self) -> sqlite3.Connection:
        """For copies of the registry."""
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> RunState:
        row = self._one(rows.SELECT_STATE)
        return RunState() if row is None else rows.state_of(row)

    def last_seq(self) -> int:
        """The number of the last event ever recorded here, 0 if there was none."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return int(row[0]) if row else 0

    def _one(self, query: str, values: Iterable[Any] = ()) -> Sequence[Any] | None:
        with told(self.path):
            row: Sequence[Any] | None = self._connection.execute(query, tuple(values)).fetchone()
            return row

    def _all(self, query: str, values: Iterable[Any] = ()) -> list[Sequence[Any]]:
        with told(self.path):
            return self._connection.execute(query, tuple(values)).fetchall()
