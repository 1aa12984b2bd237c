"""Processes, pipes, files: all code that deals with the operating system."""
