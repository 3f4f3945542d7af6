"""Dataset cards: what a version holds, where that comes from, and what it lacks, for people."""
