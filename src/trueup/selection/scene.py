"""What strategies may look at beside the probabilities of a block."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.model import Knowledge

NOTHING = Knowledge()


class Scene(msgspec.Struct, frozen=True):
    """The likeliest class of each prediction, `which` int64[n] pointing into `names`; what labels taught before; the
    share of errors that the policy bears; the slices in the same form, where the policy has some; and what several
    passes disagreed, float64[n], where the model made some."""

    names: Sequence[str]
    which: NDArray[np.int64]
    knowledge: Knowledge = NOTHING
    error_rate: float = 0.1
    slices: tuple[Sequence[str], NDArray[np.int64]] | None = None
    information: NDArray[np.float64] | None = None


def bare(count: int) -> Scene:
    """Where nothing is known but probabilities."""
    return Scene(names=("",), which=np.zeros(count, dtype=np.int64))
