"""What these libraries are told before they are imported."""

from __future__ import annotations

import os

# Nothing here may look for anything on the Hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
