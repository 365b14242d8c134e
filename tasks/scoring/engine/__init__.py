"""The client loop: one call, its outcome, how many calls at once, and how fast."""
