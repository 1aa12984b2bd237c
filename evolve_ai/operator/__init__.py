"""Operator commands: they are left in an inbox and carried out between two cycles."""
