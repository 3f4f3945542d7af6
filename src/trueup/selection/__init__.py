"""Which predictions deserve a person: strategies, the draw under a budget, and its propensities."""
