"""Frozen values that code on all other floors uses."""
