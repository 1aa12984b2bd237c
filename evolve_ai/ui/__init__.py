"""Output on a terminal: tables, progress, signals."""
