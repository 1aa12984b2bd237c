"""One Protocol for each plug-in family."""
