"""The verbs of a cycle, one file each."""
