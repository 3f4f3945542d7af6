"""Each export is opened by the libraries that it is written for."""
