"""One label out of several people's, of each kind: by hand, in whatever order, and how sure."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.labels.schemas import KINDS, LABELS, schema
from tests.worlds import NOW, opening, project
from trueup.labels.reading import checked, read, written
from trueup.model import Annotation, AnnotatorSkill, ConsensusPolicy, Kind
from trueup.quality.consensus import Accepted, MoreAnswers, NeedsReview, judge
from trueup.quality.edits import edits
from trueup.quality.fitting import fitted_skills
from trueup.quality.merging import Merged, Said, likeness, merger_of
from trueup.quality.methods import METHODS
from trueup.quality.outlines import inside, overlaps

TYPED = tuple(each for each in KINDS if each != "classification")
POLICY = ConsensusPolicy(overlap=2, max_overlap=4)
NONE = '{"none":true,"proposed":"lynx"}'


def merged(kind: Kind, skills: dict[str, float] | None = None, **labels: Any) -> Merged:
    said = [Said(who, read(json.dumps(label), schema(kind))) for who, label in labels.items()]
    known = {who: skill(who, each) for who, each in (skills or {}).items()}
    return merger_of(kind).merge(said, schema(kind), known, METHODS["dawid-skene"])


def skill(annotator: str, value: float) -> AnnotatorSkill:
    return AnnotatorSkill(
        project="pets",
        annotator=annotator,
        skill=value,
        low=value,
        high=value,
        answers=9,
        classes=(),
        confusion=(),
        fitted_at=NOW,
    )


def text(found: Merged) -> Any:
    return json.loads(written(found.value))


def answer(who: str, label: str, **more: Any) -> Annotation:
    return Annotation(
        project="pets",
        annotation_id=f"{who}-1",
        task_id="t",
        sample_id="s",
        annotator=who,
        label=label,
        submitted_at=NOW,
        **more,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPED)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_holds_of_every_kind(kind: Kind, data: st.DataObject) -> None:
    known = schema(kind)
    labels = [checked(data.draw(LABELS[kind]), known) for _ in range(data.draw(st.integers(1, 4)))]
    said = [Said(f"p{place}", read(label, known)) for place, label in enumerate(labels)]
    found = merger_of(kind).merge(said, known, {}, METHODS["dawid-skene"])
    assert 0 <= found.posterior <= 1
    label = checked(written(found.value), known)
    again = merger_of(kind).merge(said[::-1], known, {}, METHODS["dawid-skene"])
    assert written(again.value) == written(found.value)
    assert again.posterior == pytest.approx(found.posterior)
    shares = [likeness(each, label, known) for each in labels]
    assert all(-1e-9 <= each <= 1 + 1e-9 for each in shares)
    assert likeness(labels[0], labels[-1], known) == pytest.approx(likeness(labels[-1], labels[0], known))


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPED)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_what_everybody_says_is_the_label_and_surer_the_more_say_it(kind: Kind, data: st.DataObject) -> None:
    known = schema(kind)
    value = read(checked(data.draw(LABELS[kind]), known), known)
    # Free reasons are each annotator's own, and things of one annotator may lie so near that they are one.
    if kind in ("boxes", "polygons", "spans"):
        things = getattr(value, kind)
        value = type(value)(**{**{each: getattr(value, each) for each in value.__struct_fields__}, kind: things[:1]})
        value = (
            type(value)(**{**{each: getattr(value, each) for each in value.__struct_fields__}, "relations": ()})
            if kind == "spans"
            else value
        )
    posteriors = []
    for people in (1, 2, 3):
        found = merger_of(kind).merge(
            [Said(f"p{each}", value) for each in range(people)], known, {}, METHODS["dawid-skene"]
        )
        assert likeness(written(found.value), written(value), known) == 1
        posteriors.append(found.posterior)
    assert posteriors == sorted(posteriors)
    assert posteriors[1] > 0.7


def test_several_classes() -> None:
    found = merged("multilabel", a={"classes": ["cat", "dog"]}, b={"classes": ["cat"]}, c={"classes": ["cat", "dog"]})
    assert text(found) == {"classes": ["cat", "dog"]}
    assert 0.6 < found.posterior < 0.9
    sure = merged("multilabel", a={"classes": ["cat"]}, b={"classes": ["cat"]})
    assert sure.posterior > 0.9


def test_boxes() -> None:
    def at(left: float, label: str = "cat") -> dict[str, Any]:
        return {"label": label, "left": left, "top": 10, "right": left + 20, "bottom": 30}

    size = {"width": 100, "height": 80}
    found = merged(
        "boxes", a={**size, "boxes": [at(10), at(60, "dog")]}, b={"boxes": [at(12)]}, c={**size, "boxes": [at(13)]}
    )
    assert text(found) == {**size, "boxes": [at(12)]}
    assert 0.5 < found.posterior < 0.9
    empty = merged("boxes", a={"boxes": []}, b={"boxes": []})
    assert (text(empty), empty.posterior > 0.9) == ({"boxes": []}, True)


def test_polygons() -> None:
    def square(left: float, side: float, label: str = "cat") -> dict[str, Any]:
        points = [[left, 0], [left + side, 0], [left + side, side], [left, side]]
        return {"label": label, "points": points}

    found = merged(
        "polygons",
        a={"polygons": [square(0, 10)]},
        b={"polygons": [square(1, 10)]},
        c={"polygons": [square(2, 10, "dog")]},
    )
    assert text(found) == {"polygons": [square(1, 10)]}
    assert merger_of("polygons").likeness(
        *(read(json.dumps({"polygons": [square(each, 10)]}), schema("polygons")) for each in (0, 5)), schema("polygons")
    ) == pytest.approx(1 / 3, abs=0.01)


def test_outlines_by_hand() -> None:
    star = [(0, 0), (4, 0), (4, 4), (0, 4), (2, 2)]
    x, y = np.array([0.5, 3.0, 1.0]), np.array([2.0, 2.0, 0.5])
    assert inside(star, x, y).tolist() == [False, True, True]
    half = [(0, 0), (2, 0), (2, 4), (0, 4)]
    square = [(0, 0), (4, 0), (4, 4), (0, 4)]
    assert overlaps([square], [half, [(9, 9), (9, 8), (8, 8)], square]).tolist() == [
        [pytest.approx(0.5, abs=0.02), 0, 1]
    ]


def test_masks() -> None:
    left = {"width": 4, "height": 2, "runs": [[1, 2], [0, 2], [1, 2], [0, 2]]}
    wider = {"width": 4, "height": 2, "runs": [[1, 3], [0, 1], [1, 2], [0, 2]]}
    other = {"width": 2, "height": 2, "runs": [[2, 4]]}
    found = merged("mask", a=left, b=left, c=wider, d=other)
    assert text(found) == {"width": 4, "height": 2, "classes": ["cat"], "runs": left["runs"]}
    assert found.posterior > 0.7
    nothing = {"width": 4, "height": 2, "runs": [[0, 8]]}
    assert text(merged("mask", a=nothing, b=nothing))["runs"] == [[0, 8]]


def test_spans_end_where_somebody_ended_them() -> None:
    def said(start: int, end: int, label: str = "cat", **more: Any) -> dict[str, Any]:
        return {"spans": [{"label": label, "start": start, "end": end}], **more}

    found = merged("spans", a=said(0, 5), b=said(0, 8), c=said(0, 8), d=said(1, 8, "dog"))
    assert text(found)["spans"] == [{"label": "cat", "start": 0, "end": 8}]
    two = merged("spans", a=said(0, 5), b=said(0, 8))
    assert text(two)["spans"][0]["end"] in (5, 8)


def test_relations_need_more_than_half() -> None:
    spans = [{"label": "cat", "start": 0, "end": 3}, {"label": "dog", "start": 9, "end": 12}]
    shifted = [{"label": "cat", "start": 0, "end": 4}, {"label": "dog", "start": 9, "end": 12}]
    chases, fears = {"label": "chases", "from": 0, "to": 1}, {"label": "fears", "from": 1, "to": 0}
    found = merged(
        "spans",
        a={"spans": spans, "relations": [chases]},
        b={"spans": shifted, "relations": [chases, fears]},
        c={"spans": spans, "relations": []},
    )
    assert text(found) == {"spans": spans, "relations": [chases]}
    known = schema("spans")
    both = [json.dumps({"spans": spans, "relations": each}) for each in ([chases], [fears])]
    assert likeness(*both, known) == pytest.approx(0.5)


def test_the_text_that_is_most_like_the_others() -> None:
    found = merged("text", a={"text": "the cat sat"}, b={"text": "the  cat sat."}, c={"text": "a dog"})
    assert text(found)["text"] in ("the cat sat", "the  cat sat.")
    assert 0.5 < found.posterior < 0.8
    same = merged("text", a={"text": "the cat sat"}, b={"text": "the  cat sat"})
    assert same.posterior == 1


def _levenshtein(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


@pytest.mark.slow
@given(st.text(alphabet="abc", max_size=90), st.text(alphabet="abc", max_size=90))
@settings(max_examples=300, deadline=None)
def test_edits_are_those_of_the_table(one: str, other: str) -> None:
    assert edits(one, other) == _levenshtein(one, other)


def test_ratings_are_a_robust_mean() -> None:
    found = merged("rating", a={"rating": 4}, b={"rating": 4}, c={"rating": 4}, d={"rating": 1})
    assert text(found) == {"rating": 4, "critique": ""}
    unsure = merged("rating", a={"rating": 2}, b={"rating": 5})
    sure = merged("rating", {"a": 0.97, "b": 0.97}, a={"rating": 4}, b={"rating": 4})
    assert unsure.posterior < 0.8 < 0.95 < sure.posterior


def test_preferences_are_three_classes() -> None:
    found = merged("preference", a={"preferred": "second", "critique": "shorter"}, b={"preferred": "second"})
    assert text(found) == {"preferred": "second", "critique": ""}
    assert found.posterior > 0.9


def test_half_of_the_answers_that_no_class_fits_are_a_reviewers_matter() -> None:
    task = opening().task
    verdict = judge(task, [answer("a", NONE), answer("b", "cat")], POLICY, project().label_schema, {}, NOW)
    assert isinstance(verdict, NeedsReview)
    assert verdict.reason == "1 of 2 say that no class fits, and propose lynx"
    assert (verdict.consensus.label, verdict.consensus.posterior) == (NONE, 0.5)
    three = [answer("a", NONE), answer("b", "cat"), answer("c", "cat")]
    accepted = judge(task, three, POLICY, project().label_schema, {}, NOW)
    assert isinstance(accepted, Accepted)
    assert accepted.consensus.agreement == pytest.approx(2 / 3, abs=1e-6)


def test_a_flag_is_a_reviewers_matter_however_sure_the_label() -> None:
    answers = [answer("a", "cat"), answer("b", "cat", flagged=True, comment="is this ours?")]
    verdict = judge(opening().task, answers, POLICY, project().label_schema, {}, NOW)
    assert isinstance(verdict, NeedsReview)
    assert verdict.reason == "b flagged it: is this ours?"
    assert verdict.consensus.label == "cat"


def test_a_doubtful_rating_asks_for_more() -> None:
    config = project(label_schema={"kind": "rating", "media": "text"}, triggers={"action": "notify"})
    answers = [answer("a", '{"rating":1,"critique":""}'), answer("b", '{"rating":5,"critique":""}')]
    verdict = judge(opening().task, answers, POLICY, config.label_schema, {}, NOW)
    assert isinstance(verdict, MoreAnswers)
    assert "below the target 0.90" in verdict.reason


@pytest.mark.parametrize("kind", TYPED)
def test_whoever_answers_otherwise_than_the_others_has_less_skill(kind: Kind) -> None:
    good, bad = _TWO[kind]
    annotations = [
        Annotation(
            project="pets",
            annotation_id=f"{task}-{who}",
            task_id=f"t{task}",
            sample_id=f"s{task}",
            annotator=who,
            label=checked(json.dumps(bad if who == "cleo" else good), schema(kind)),
            submitted_at=NOW,
        )
        for task in range(12)
        for who in ("ada", "ben", "cleo")
    ]
    found = {
        each.annotator: each for each in fitted_skills(annotations, schema(kind), METHODS["dawid-skene"], "pets", NOW)
    }
    assert found["ada"].skill > 0.8 > found["cleo"].skill
    assert found["ada"].low <= found["ada"].skill <= found["ada"].high
    # What consensus counts on to know when to fit again.
    assert {each.answers for each in found.values()} == {12}


_TWO: dict[Kind, tuple[Any, Any]] = {
    "multilabel": ({"classes": ["cat"]}, {"classes": ["dog", "fox"]}),
    "boxes": (
        {"boxes": [{"label": "cat", "left": 0, "top": 0, "right": 9, "bottom": 9}]},
        {"boxes": [{"label": "dog", "left": 5, "top": 0, "right": 30, "bottom": 9}]},
    ),
    "polygons": (
        {"polygons": [{"label": "cat", "points": [[0, 0], [9, 0], [9, 9]]}]},
        {"polygons": [{"label": "cat", "points": [[20, 0], [29, 0], [29, 9]]}]},
    ),
    "mask": ({"width": 4, "height": 1, "runs": [[1, 2], [0, 2]]}, {"width": 4, "height": 1, "runs": [[0, 2], [2, 2]]}),
    "spans": (
        {"spans": [{"label": "cat", "start": 0, "end": 5}]},
        {"spans": [{"label": "cat", "start": 9, "end": 15}]},
    ),
    "text": ({"text": "a small cat"}, {"text": "two dogs!"}),
    "rating": ({"rating": 4}, {"rating": 1}),
    "preference": ({"preferred": "first"}, {"preferred": "second"}),
}
