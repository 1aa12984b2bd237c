"""The names of what lies in the folder of a task."""

TASK_FILE = "task.toml"
OUTPUT = "evolve_output"  # the project of its search
