"""A capture record becomes a prediction: records, payload families, instances, sample names."""
