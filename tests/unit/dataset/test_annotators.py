"""Whose labels a version holds, kept at the cost of what changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.dataset.annotators import IMPORTED, MOST, OTHERS, UNKNOWN, annotator_counts, with_changes
from trueup.model import LabelledSample, pseudonym


def line(name: str, *annotators: str, split: Any = "train", consensus: str | None = "c") -> LabelledSample:
    return LabelledSample(
        sample_id=name,
        label="cat",
        split=split,
        group=name,
        content_type="text/plain",
        payload_uri="s3://b/k",
        consensus_id=consensus,
        annotators=annotators,
    )


def test_a_label_counts_for_all_on_whose_answers_it_stands() -> None:
    lines = [line("1", "a", "b"), line("2", "a", split="test"), line("3", consensus=None), line("4")]
    assert annotator_counts(lines) == {
        IMPORTED: {"train": 1},
        UNKNOWN: {"train": 1},
        "a": {"test": 1, "train": 1},
        "b": {"train": 1},
    }


_LINES = st.lists(
    st.builds(
        line,
        st.sampled_from("123456"),
        *([st.sampled_from("abcd")] * 2),
        split=st.sampled_from(["train", "test", "validation"]),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(_LINES, _LINES)
def test_counts_carried_along_are_those_of_the_content(
    first: list[LabelledSample], second: list[LabelledSample]
) -> None:
    before = {each.sample_id: each for each in first}
    come = {each.sample_id: each for each in second}
    gone = [before[name] for name in come if name in before]
    after = with_changes(annotator_counts(before.values()), annotator_counts(come.values()), annotator_counts(gone))
    assert after == annotator_counts({**before, **come}.values())


def test_of_very_many_those_with_the_fewest_are_summed() -> None:
    lines = [line(f"{number}-{place}", f"a{number:03}") for number in range(300) for place in range(1 + number % 3)]
    counts = with_changes({}, annotator_counts(lines), {})
    assert len(counts) == MOST
    assert sum(each["train"] for each in counts.values()) == len(lines)
    assert min(each["train"] for name, each in counts.items() if name != OTHERS) >= 2
    again = with_changes(counts, annotator_counts([line("new", "b")]), {})
    assert sum(each["train"] for each in again.values()) == len(lines) + 1
    assert len(again) == MOST


def test_pseudonyms_tell_people_apart_and_not_who_they_are() -> None:
    names = {pseudonym("pets", each) for each in ("ada", "ben", "cleo")}
    assert len(names) == 3
    assert all(len(each) == 10 and not {"ada", "ben", "cleo"} & {each} for each in names)
    assert pseudonym("pets", "ada") == pseudonym("pets", "ada") != pseudonym("birds", "ada")
    assert pseudonym("pets", "model:haiku") == "model:haiku"
    assert pseudonym("pets", "truth:the shop") == pseudonym("pets", "truth") == "truth"
