"""Names under which the registry keeps single facts: `Registry.meta`, `Batch.meta`."""

INPUTS_CHANGED = "inputs_changed"  # when what runs are fed with last changed, and how
PAUSED = "paused"  # while time stands still: the last cycle before
SANDBOX = "sandbox"  # that of the last run, as a line that begins with its level
TALLY = "tally"  # what has been counted since the last cycle
