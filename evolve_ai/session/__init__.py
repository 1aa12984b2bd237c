"""What commands run on: the project, its components, its pool, a run from its begin to its end."""
