"""The columns of the tables that SQL sees: `lines` (what segments say) and `samples` (what a version holds)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from trueup.labels.naming import names_in
from trueup.model import Change, LabelledSample, Record

Kind = Literal["text", "names", "number", "whole", "time", "flag"]


class Column(Record, frozen=True, kw_only=True):
    """`words` are what conditions call it; `sql` is a type that DuckDB and Athena both know."""

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    about: str = ""

    @property
    def sql(self) -> str:
        return _SQL[self.kind]


_SQL: Mapping[Kind, str] = {
    "text": "varchar",
    "names": "varchar[]",
    "number": "double",
    "whole": "bigint",
    "time": "timestamp",
    "flag": "boolean",
}

SAMPLES: tuple[Column, ...] = (
    Column(name="sample_id", kind="text", words=("sample",), about="SHA-256 of the input"),
    Column(name="label", kind="text", words=("label",), about="the trusted label, as text"),
    Column(name="classes", kind="names", words=("class", "classes"), about="classes that the label names"),
    Column(name="split", kind="text", words=("split",), about="train, validation or test"),
    Column(name="group_key", kind="text", words=("group",), about="what keeps inputs in one split"),
    Column(name="slice", kind="text", words=("slice",), about="part of the traffic that it came from"),
    Column(name="content_type", kind="text", words=("content_type",), about="media type of the input"),
    Column(name="payload_uri", kind="text", words=("payload",), about="where the input lies"),
    Column(name="weight", kind="number", words=("weight",), about="weight in training"),
    Column(name="posterior", kind="number", words=("posterior",), about="how sure the label is, 0 to 1"),
    Column(name="agreement", kind="number", words=("agreement",), about="share of answers that say so, 0 to 1"),
    Column(name="consensus_id", kind="text", words=("consensus",), about="the consensus behind the label"),
    Column(name="selected_by", kind="text", words=("selected_by", "strategy"), about="why people were asked"),
    Column(name="propensity", kind="number", words=("propensity",), about="probability of having been asked"),
    Column(name="labelled_at", kind="time", words=("labelled_at",), about="when it was settled, UTC"),
    Column(name="since", kind="whole", words=("since",), about="number of the version that set this line"),
)
LINES: tuple[Column, ...] = (
    Column(name="segment", kind="text"),
    *SAMPLES,
    Column(name="removed", kind="flag"),
)
# One row for each segment of each version.
VERSIONS: tuple[Column, ...] = (
    Column(name="version", kind="whole"),
    Column(name="version_id", kind="text"),
    Column(name="branch", kind="text"),
    Column(name="created_at", kind="time"),
    Column(name="reason", kind="text"),
    Column(name="made_by", kind="text"),
    Column(name="position", kind="whole"),
    Column(name="segment", kind="text"),
)
BY_WORD: Mapping[str, Column] = {word: each for each in SAMPLES for word in (each.name, *each.words)}


def row_of(change: Change, segment: str) -> dict[str, Any]:
    """A line of a segment as a row of `lines`, ready for JSON."""
    if not isinstance(change, LabelledSample):
        return {"segment": segment, "sample_id": change.sample_id, "removed": True}
    return {"segment": segment, **sample_row(change), "removed": False}


def sample_row(sample: LabelledSample) -> dict[str, Any]:
    """A sample as a row of `samples`, ready for JSON."""
    return {
        "sample_id": sample.sample_id,
        "label": sample.label,
        "classes": names_in(sample.label),
        "split": sample.split,
        "group_key": sample.group,
        "slice": sample.slice,
        "content_type": sample.content_type,
        "payload_uri": sample.payload_uri,
        "weight": sample.weight,
        "posterior": sample.posterior,
        "agreement": sample.agreement,
        "consensus_id": sample.consensus_id,
        "selected_by": sample.selected_by,
        "propensity": sample.propensity,
        "labelled_at": sample.labelled_at.strftime("%Y-%m-%d %H:%M:%S.%f") if sample.labelled_at else None,
        "since": sample.since,
    }
