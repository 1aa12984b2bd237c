"""Caches an outline of valid settings, so that reports need not check them again.

Checking settings takes ten times as long as the rest of a report. The file names the SHA-256 of the
evolve.toml and of the program that it was made from, and is ignored for any other.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from evolve_ai import __version__
from evolve_ai.model.errors import StorageError
from evolve_ai.model.outline import Allowed, Outline
from evolve_ai.system.files import publish
from evolve_ai.system.project import SETTINGS_FILE, Folders, Project

_MODEL = Path(__file__).parents[1] / "model"


def known_outline(folders: Folders) -> Outline | None:
    """The outline of the present evolve.toml; None if that has not been checked yet."""
    try:
        body = json.loads(folders.outline.read_bytes())
        if body["of"] == _mark(folders):
            return Outline(body["mode"], body["sandbox"], Allowed(**body["budget"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def outline_of(project: Project) -> Outline:
    settings, budget = project.settings, project.settings.budget
    allowed = Allowed(budget.memory_bytes, budget.disk_bytes, budget.inodes, budget.descriptors)
    return Outline(settings.mode, settings.sandbox.level, allowed)


def keep_outline(project: Project, mark: str) -> None:
    """Write the outline if the workspace exists and is writable. `mark` must be from before the
    settings were read."""
    outline = outline_of(project)
    if project.workspace.is_dir() and mark and known_outline(project) != outline:
        with suppress(OSError, StorageError):
            publish(
                project.outline, json.dumps({"of": mark, **asdict(outline)}).encode(), durable=False
            )


def mark_of(folders: Folders) -> str:
    """A hash of evolve.toml and of the program that reads it; "" where there is none."""
    try:
        return _mark(folders)
    except OSError:
        return ""


def _mark(folders: Folders) -> str:
    """The program is included because it contains the rules for checking settings."""
    mark = hashlib.sha256((folders.root / SETTINGS_FILE).read_bytes())
    for path in sorted(_MODEL.glob("*setting*.py")):
        found = path.stat()
        mark.update(f"{__version__} {path} {found.st_size} {found.st_mtime_ns}".encode())
    return mark.hexdigest()
