"""What functions/labeling_prepare calls: nothing of AWS, so that it answers at once."""

from __future__ import annotations

from trueup.adapters.backends.ground_truth_pages import prepare

__all__ = ["prepare"]
