"""What comes back from plug-ins of the user's own, checked."""
