"""Processes, pipes, files: everything that touches the operating system."""
