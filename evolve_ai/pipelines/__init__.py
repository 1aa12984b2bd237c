"""Lists of verbs: founding a project, living a cycle."""
