"""Policies that decide who dies and who breeds."""
