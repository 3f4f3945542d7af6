"""The keys of a selection policy, as they stand under `selection`: what they mean and what they may hold.

Read at synth and where a policy is tried on captures of the past, so that none is tried that could not be deployed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders import DECODERS
from trueup.capture.decoders.answer_path import sound
from trueup.keys import CLASS_NAME, MANY, MAX_CLASSES, Allowed, Key, between, matching, named_in
from trueup.selection.pickers import PICKERS
from trueup.selection.strategies import AUDIT, FEEDBACK, STRATEGIES


def _shares(value: Mapping[str, float]) -> bool:
    named = all(each in STRATEGIES and each != "random" for each in value)
    return named and all(each > 0 for each in value.values()) and sum(value.values()) < 1


def _group_by(value: str) -> bool:
    kind, _, place = value.partition(":")
    if kind == "payload":
        return len(value) <= 256 and sound(place)
    return len(value) <= 256 and bool(re.fullmatch(r"inference_id|attribute:[^=,\s]+|column:\d{1,4}", value))


def _reasons(value: Mapping[str, Any]) -> bool:
    limits = [limit for each in value.values() for limit in (each.per_hour, each.per_day, each.total)]
    known = all(each in STRATEGIES or each in (AUDIT, *FEEDBACK) for each in value)
    return known and all(each is None or 0 <= each <= MANY for each in limits)


_SAID = Allowed(
    f"up to {MAX_CLASSES} different names that a class may have",
    lambda value: len(set(value)) == len(value) <= MAX_CLASSES and all(CLASS_NAME.holds(each) for each in value),
)
_GROUP_BY = Allowed(
    "inference_id, a name after attribute:, a JMESPath expression after payload:, or a column's number after column:",
    _group_by,
)
_SLICE_BY = matching(r"attribute:[^=,\s]+", "a name after attribute:", 256)
_SHARES = Allowed(
    f"names of other strategies ({', '.join(each for each in STRATEGIES if each != 'random')}) with shares above 0, "
    "together less than 1",
    _shares,
)
_REASONS = Allowed(
    f"names of strategies, or audit, override or truth ({', '.join([*STRATEGIES, AUDIT, *FEEDBACK])}), each with "
    "limits of at least 0",
    _reasons,
)
_PATH = Allowed("a JMESPath expression (jmespath.org)", sound)

POLICY_KEYS = {
    "strategy": Key("How worth asking about is measured", "margin", named_in(STRATEGIES)),
    "picker": Key(
        "Which of the best by `strategy` are asked about together, so that they do not all teach the same",
        "one_per_cluster",
        named_in(PICKERS),
    ),
    "rate": Key(
        "Share of a capture file's predictions that may be asked about, before the budget cuts; null follows traffic "
        "and scores, so that the budget is used up evenly",
        0.05,
        between(0, 1, above=True),
    ),
    "audit_share": Key(
        "Share of the asked-about ones drawn uniformly at random, from which accuracy is estimated", 0.1, between(0, 1)
    ),
    "error_rate": Key(
        "Share of errors that the strategy conformal bears before it asks", 0.05, between(0, 0.5, above=True)
    ),
    "calibrate": Key(
        "Score by probabilities at the temperature that labels taught, for a model that is surer than it is right", True
    ),
    "shares": Key(
        "Shares of the asked-about ones that other strategies choose, by name; `strategy` chooses what is left",
        {"least_confidence": 0.2},
        _SHARES,
    ),
    "budget.per_hour": Key(
        "Samples asked about in an hour at most, so that a burst does not take the whole day; null is without limit",
        20,
        between(0, MANY),
    ),
    "budget.per_day": Key("Samples asked about in a day (UTC) at most; 0 pauses", 100, between(0, MANY)),
    "budget.total": Key("The same for ever; null is without end", 5000, between(0, MANY)),
    "budget.reasons": Key(
        "Limits of single reasons within these: a strategy, audit, override or truth, with per_hour, per_day, total",
        {"audit": {"per_day": 20}},
        _REASONS,
    ),
    "seed": Key("Makes random draws reproducible", 7, between(0, 2**32 - 1)),
    "decoder": Key(
        "Which decoder reads payloads; null takes the first that can",
        "json_probabilities",
        named_in(DECODERS),
    ),
    "answer.values": Key(
        "Where in a JSON answer that no decoder knows the numbers lie, in JMESPath: a list for each instance, or one",
        "outputs[*].scores",
        _PATH,
    ),
    "answer.labels": Key("Where their classes are named; null: they are `classes`", "outputs[*].names", _PATH),
    "answer.classes": Key(
        "Their classes in order, where the answer does not name them; empty: the label schema's", ["sales", "billing"]
    ),
    "answer.logits": Key("Whether they need a softmax", True),
    "classes": Key(
        "After classes were merged, split or removed: those that the endpoint's model was trained with, in its order. "
        "Bare answers with as many numbers are read by them until another model serves; empty: the label schema's",
        ["sales", "billing", "refunds"],
        _SAID,
    ),
    "group_by": Key(
        "Samples of one group (of a user, a patient, a video) stay in one split: the caller's id, a value in the "
        "request's custom attributes, what a JMESPath leads to in a JSON input, or a column of a CSV input; null makes "
        "each sample its own group. The last two hold for imports too (docs/splits.md)",
        "attribute:customer",
        _GROUP_BY,
    ),
    "slice_by": Key(
        "Scores are also counted by slice: a value in the request's custom attributes", "attribute:region", _SLICE_BY
    ),
}
