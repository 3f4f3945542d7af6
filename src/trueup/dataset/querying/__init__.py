"""Questions about labelled samples: a short language for one condition, and SQL for everything else."""
