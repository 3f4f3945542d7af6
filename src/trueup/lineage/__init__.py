"""Who came from whom: the graph and its walks."""
