"""Lists of verbs: each pipeline calls the stages of a command in order."""
