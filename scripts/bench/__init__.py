"""What trueup claims about speed, measured beside its peers in one run. Each module prints its table; --write keeps it
under docs/benchmarks/."""
