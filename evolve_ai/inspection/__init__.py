"""Read-only commands about machine and population: doctor, status, verify, explain."""
