"""The settings of the audit: what gene code may contain besides, and which rules only warn."""

from evolve_ai.model.setting import (
    NAMES_FORM,
    PATHS_FORM,
    RULES_FORM,
    CodeNames,
    CodePaths,
    RuleNames,
    Section,
    setting,
)


class AuditSettings(Section):
    """What gene code may contain beyond docs/audit.md, and which rules only warn."""

    paths: CodePaths = setting(
        (), "more paths of the standard library that genes may use", form=PATHS_FORM
    )
    macros: CodeNames = setting(
        (), "more macros that genes may use, by their names", form=NAMES_FORM
    )
    warnings: RuleNames = setting(
        (), "rules that only warn; only rules for a repeatable history can", form=RULES_FORM
    )
