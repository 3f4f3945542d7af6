"""The life cycle of a task: leases, answers, overlap. Pure functions from one task to the next."""
