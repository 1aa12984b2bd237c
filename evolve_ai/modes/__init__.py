"""The two modes of a life-cycle: lockstep, and free mode, in which agents change at any time."""
