"""What annotators read, in versions; and who changed which label."""

from __future__ import annotations

import pytest

from tests.unit.usecases.test_rule_on_task import answer, disputed, rules
from tests.worlds import Loop, project
from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.usecases.edit_guidelines import MAX_CHARACTERS
from trueup.usecases.submit_annotation import Submission


def test_guidelines_begin_as_the_configurations_and_follow_each_other() -> None:
    loop = Loop(
        project(label_schema={"media": "text", "guidelines": "Look.", "classes": [{"name": "a"}, {"name": "b"}]})
    )
    first = loop.guidelines.newest("pets")
    assert (first.number, first.text, first.by) == (0, "Look.", "")
    made = loop.guidelines.write("pets", " Look twice. ", "rita", "ears were missed", 0, "t1")
    assert (made.number, made.text, made.task_id) == (1, "Look twice.", "t1")
    assert loop.guidelines.newest("pets") == made
    assert loop.guidelines.write("pets", "Look twice.", "sam", "again", 0) == made
    assert [each.number for each in loop.guidelines.versions("pets")] == [1, 0]
    assert [each.event_type for each in loop.world.outbox] == ["GuidelinesChanged"]
    with pytest.raises(ConflictError, match="somebody changed the guidelines meanwhile"):
        loop.guidelines.write("pets", "Look thrice.", "sam", "more", 0)
    with pytest.raises(InputError, match="say why"):
        loop.guidelines.write("pets", "Look thrice.", "sam", " ", 1)
    with pytest.raises(InputError, match="20,001 characters"):
        loop.guidelines.write("pets", "x" * (MAX_CHARACTERS + 1), "sam", "long", 1)
    with pytest.raises(NotFoundError):
        loop.guidelines.newest("cows")


def test_corrections_tell_who_changed_what_and_which_versions_held_it() -> None:
    loop, task_id = disputed(("cat", "cat"))
    loop.commit("pets", "first", force=True)
    loop.ingest(loop.capture(1, "other", 9))
    other = ""
    for name in ("ada", "ben"):
        other = answer(loop, name, "dog")
    loop.commit("pets", "second", force=True)
    assert loop.corrections("pets") == []
    loop.clock.advance(5)
    rules(loop).label("pets", task_id, "rita", "fox", "look at the tail")
    (ruled,) = loop.corrections("pets")
    assert (ruled.by, ruled.before, ruled.after, ruled.reason) == ("rita", "cat", "fox", "look at the tail")
    assert ruled.held_by == (1, 2)
    loop.commit("pets", "third", force=True)
    loop.clock.advance(5)
    mine = next(each for each in loop.tasks.annotations("pets", other) if each.annotator == "ada")
    again = Submission(
        project="pets",
        task_id=other,
        annotator="ada",
        label="cat",
        supersedes=mine.annotation_id,
        comment="a cat after all",
    )
    loop.submit(again)
    corrected, ruled = loop.corrections("pets")
    assert (corrected.kind, corrected.by, corrected.before, corrected.after) == ("answer", "ada", "dog", "cat")
    assert (corrected.reason, corrected.held_by) == ("a cat after all", ())
    assert (ruled.kind, ruled.held_by) == ("ruling", (1, 2))
    assert len(loop.corrections("pets", 1)) == 1
