"""Agents as Cargo projects."""
