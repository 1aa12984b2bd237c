"""A project that an older version of evolve has left: its registry is of version 4."""

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

ARCHIVE = Path(__file__).parent / "vectors" / "project-of-registry-4.tar.xz"
CYCLE, DIGEST = 12, "f909044d36f15b6eda1ae8fcb71837cd0ecc70a8ea53904181ba91972ef36079"
# What version 4 itself came to after six cycles more.
LATER, LATER_DIGEST = 18, "8545ce980cffe2ab7b1a8e0a329cf993f1e94b45feafaabcb060ccfe9ad4e479"
# What each version before 5 lacks of the next one.
OLDER = {
    "4": (),
    "3": ("DROP TABLE deaths", "DROP INDEX agents_founder"),
    "2": ("ALTER TABLE agents DROP COLUMN quarantine_cycles",),
    "1": (
        "UPDATE agents SET retry_at = 0 WHERE retry_at IS NULL",
        "ALTER TABLE agents DROP COLUMN refusals",
        "ALTER TABLE agents RENAME COLUMN retry_at TO retry_cycle",
        "ALTER TABLE agents RENAME COLUMN started_at TO started_cycle",
    ),
}


def unpack(folder: Path) -> Path:
    """The project, in this folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def registry_of_version(version: str, folder: Path) -> Path:
    """The registry as that version would have left it."""
    path = unpack(folder) / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        for older in ("4", "3", "2", "1"):
            for statement in OLDER[older]:
                connection.execute(statement)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", [older])
            if older == version:
                break
    return path
