"""Lockstep, and free mode, in which agents change while others live on."""
