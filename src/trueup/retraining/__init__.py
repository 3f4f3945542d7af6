"""When to retrain, whether a candidate is good enough, and what a run does."""
