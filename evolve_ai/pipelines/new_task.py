"""`evolve new --task`: turns a folder into a task that runs, completely or not at all."""

import shutil
from pathlib import Path

from evolve_ai.model.errors import TemplateError, UsageError
from evolve_ai.pipelines.new_folder import TASK_FILE, made_whole

TEMPLATES = Path(__file__).parents[1] / "task_templates"
GITIGNORE = "/evolve_output/\n__pycache__/\n"


def task_languages() -> tuple[str, ...]:
    """The languages that there is a template of."""
    return tuple(sorted(path.parent.name for path in TEMPLATES.glob(f"*/{TASK_FILE}")))


def scaffold_task(folder: Path, language: str) -> list[Path]:
    """Make a task of an empty or missing folder; returns the new paths, relative to it.

    Raises UsageError for a folder that is not empty or a language without a template,
    TemplateError when the installation lacks all of them, StorageError when the disk fails.
    """
    known = task_languages()
    if not known:
        raise TemplateError(
            "no templates of tasks come with this installation",
            where=TEMPLATES,
            todo="install the package again, from a release or a checkout",
        )
    if language not in known:
        raise UsageError(
            f"there is no template of a task in {language!r}", todo=f"there are: {', '.join(known)}"
        )
    return made_whole(folder, lambda draft: _fill(draft, TEMPLATES / language))


def _fill(draft: Path, template: Path) -> None:
    (draft / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    for path in sorted(template.iterdir()):
        if path.is_file():  # importing an evaluator leaves a folder of bytecode
            shutil.copy(path, draft / path.name)
