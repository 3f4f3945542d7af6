"""What lies between two versions, from what those between wrote alone."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import NOW
from trueup.dataset.between import difference
from trueup.dataset.segments import encode
from trueup.dataset.versions import Making, next_version
from trueup.model import DatasetVersion, LabelledSample, Segment


def a_line(name: str, label: str) -> LabelledSample:
    return LabelledSample(
        sample_id=name, label=label, split="train", group=name, content_type="text/plain", payload_uri="s3://b/k"
    )


_COMMIT = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["cat", "dog", "fox"]), min_size=1, max_size=5)


Chain = tuple[list[DatasetVersion], list[list[LabelledSample]], list[Counter[str]]]


def chain_of(commits: list[dict[str, str]]) -> Chain:
    """Versions, what each wrote, and how many labels each class had then."""
    versions: list[DatasetVersion] = []
    written: list[list[LabelledSample]] = []
    counts: list[Counter[str]] = []
    content: dict[str, LabelledSample] = {}
    for number, commit in enumerate(commits):
        lines = [a_line(name, label) for name, label in commit.items()]
        segment = Segment(sha256=f"{number:064x}", samples=len(lines), bytes=len(encode(lines)))
        parent = versions[-1] if versions else None
        making = Making(project="pets", number=number + 1, at=NOW + timedelta(hours=number), reason="test")
        versions.append(next_version(parent, content, lines, (segment,), parent.segments if parent else (), making))
        written.append(lines)
        content |= {each.sample_id: each for each in lines}
        counts.append(Counter(each.label for each in content.values()))
    return versions, written, counts


@given(st.lists(_COMMIT, min_size=2, max_size=6), st.data())
def test_the_difference_is_that_of_the_contents(commits: list[dict[str, str]], data: st.DataObject) -> None:
    versions, written, counts = chain_of(commits)
    start = data.draw(st.integers(0, len(versions) - 2))
    lines = [line for each in written[start + 1 :] for line in each]
    found = difference(versions[start], versions[-1], versions[start + 1 :], lines)
    assert found.removed == 0
    assert found.added == versions[-1].samples - versions[start].samples
    assert found.touched == len({each.sample_id for each in lines})
    for each in found.by_class:
        assert (each.before, each.after) == (counts[start][each.name], counts[-1][each.name])
        assert each.before + each.came - each.left == each.after
        assert each.came >= 0
        assert each.left >= 0
    changed = {name for name in counts[start].keys() | counts[-1].keys() if counts[start][name] != counts[-1][name]}
    assert changed <= {each.name for each in found.by_class}


def test_without_a_beginning_all_is_new() -> None:
    versions, written, _ = chain_of([{"a": "cat", "b": "dog"}, {"c": "dog"}])
    found = difference(None, versions[-1], versions, [line for each in written for line in each])
    assert (found.added, found.removed, found.relabelled) == (3, 0, 0)
    assert [(each.name, each.before, each.after, each.came, each.left) for each in found.by_class] == [
        ("cat", 0, 1, 1, 0),
        ("dog", 0, 2, 2, 0),
    ]
