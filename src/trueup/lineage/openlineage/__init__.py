"""The loop in OpenLineage's words: jobs, runs, datasets and their facets (openlineage.io, spec 2-0-2)."""
