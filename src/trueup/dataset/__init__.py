"""Versions of labelled samples: content-addressed segments, splits, diff, verify, export formats."""
