"""What turns candidates into jobs, and their outcomes into scores."""
