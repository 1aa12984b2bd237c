"""Places where the jobs of code evolution run; see contracts/runner.py."""
