"""Looks at machine and population, and writes nothing: doctor, status, verify, explain."""
