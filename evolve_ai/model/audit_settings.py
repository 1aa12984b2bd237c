"""The settings of the audit: what gene code may say besides, and what is only told."""

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
    """What gene code may say beyond docs/audit.md, and which of its rules only warn."""

    paths: CodePaths = setting(
        (), "paths of the standard library that genes may use besides", form=PATHS_FORM
    )
    macros: CodeNames = setting(
        (), "macros that genes may use besides, by their names", form=NAMES_FORM
    )
    warnings: RuleNames = setting(
        (), "rules that only warn: those that keep a history repeatable can", form=RULES_FORM
    )
