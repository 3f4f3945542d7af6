"""Which class wins where several are equally likely: never the one that the schema happens to name first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueup.model import content_id
from trueup.quality.answers import Floats, Ints

_EQUAL = 1e-12


def winner(posterior: Floats, classes: Sequence[object], sample: object) -> int:
    """Position of the likeliest class of one sample, float64[k]; among equals it is drawn by the sample's name, so
    that the same sample has the same winner, in whatever order classes and answers come."""
    return _drawn(np.flatnonzero(posterior >= posterior.max() - _EQUAL), classes, sample)


def winners(posterior: Floats, classes: Sequence[object], samples: Sequence[object]) -> Ints:
    """Positions of the likeliest classes, intp[samples], from float64[samples, k]. Among equals the class that is
    likelier over all samples wins, and a draw by the sample's name among those that are equal in that, too."""
    found: Ints = posterior.argmax(axis=1)
    equal = posterior >= posterior.max(axis=1, keepdims=True) - _EQUAL
    frequency = posterior.sum(axis=0)
    for row in np.flatnonzero(equal.sum(axis=1) > 1).tolist():
        tied = np.flatnonzero(equal[row])
        most = tied[frequency[tied] >= frequency[tied].max() * (1 - 1e-9)]
        found[row] = _drawn(most, classes, samples[row])
    return found


def _drawn(tied: Ints, classes: Sequence[object], sample: object) -> int:
    if len(tied) == 1:
        return int(tied[0])
    return min((int(each) for each in tied), key=lambda each: content_id(str(sample), str(classes[each])))
