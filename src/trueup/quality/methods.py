"""The table of consensus methods: one file each, one line here.

A method answers the posterior over the classes, float64[k], given one sample's labels and what is known of
the annotators. It costs O(answers of the sample); fitting annotators is a separate, rarer step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.model import AnnotatorSkill
from trueup.quality import dawid_skene, majority


class Method(Protocol):
    """A module with this function is a consensus method."""

    def posterior(
        self, labels: Sequence[tuple[str, str]], classes: Sequence[str], skills: Mapping[str, AnnotatorSkill]
    ) -> NDArray[np.float64]: ...


METHODS: dict[str, Method] = {"dawid-skene": dawid_skene, "majority": majority}
