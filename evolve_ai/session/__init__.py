"""What commands work with: a project, its components, its gene pool, and a run from end to end."""
