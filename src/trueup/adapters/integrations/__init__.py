"""Neighbours that are told what trueup does: each optional, each loaded on demand."""
