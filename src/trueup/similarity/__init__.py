"""How alike inputs are: their numbers, their fingerprints, and which of many hardly differ."""
