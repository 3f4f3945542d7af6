"""trueup import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal
from trueup.dataset.importing import IMPORTS
from trueup.dataset.segments import decode
from trueup.model import LabelledSample, Payload
from trueup.ports import LabelingOutput

HOME = "s3://acme/out/old/"


def line(name: str, label: int, **source: str) -> str:
    return json.dumps({**source, "label": label, "label-metadata": {"class-name": name}, "content-type": "text/plain"})


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def rows(path: Path, *found: dict[str, Any]) -> str:
    return written(path, *map(json.dumps, found))


def head(place: FakeDeployed) -> list[LabelledSample]:
    version = place.datasets.head("pets")
    assert version is not None
    return [each for segment in version.segments for each in decode(place.datasets.segment("pets", segment.sha256))]


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    (tmp_path / "fox.txt").write_text("a fox in a file")
    return written(
        tmp_path / "labels.manifest",
        line("cat", 0, source="a cat in the line"),
        line("fox", 2, **{"source-ref": "fox.txt"}),
        line("dog", 1, **{"source-ref": "s3://old-bucket/dog.txt"}),
    )


def test_labels_come_from_the_line_a_file_and_an_object(trueup: Terminal, place: FakeDeployed, manifest: str) -> None:
    place.objects.objects["s3://old-bucket/dog.txt"] = Payload(data=b"a dog in S3", content_type="text/plain")
    said = trueup.json("import", "augmented-manifest", manifest)
    assert (said["labels"], said["problems"], said["version"]["added"]) == (3, 0, 3)
    assert {each.data for each in place.payloads.payloads.values()} == {
        b"a cat in the line",
        b"a fox in a file",
        b"a dog in S3",
    }
    again = trueup("import", "augmented-manifest", manifest)
    assert again.exit_code == 0
    assert again.stdout == "3 labels read, all of them known: no new version\n"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (line("fox", 2, **{"source-ref": "missing.txt"}), "missing.txt is not there"),
        ("{", "the line is not JSON"),
        (line("cat", 0), 'the line needs one of "source" (a text) and "source-ref"'),
        (line("cat", 0, **{"source-ref": "../secret"}), "../secret leads out of the place"),
        (line("cat", 0, source=""), "the input is empty"),
    ],
)
def test_a_line_that_cannot_be_read_ends_the_import(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path, bad: str, says: str
) -> None:
    path = written(tmp_path / "bad.manifest", line("cat", 0, source="fine"), bad)
    result = trueup("import", "augmented-manifest", path)
    assert result.exit_code == 3
    assert "bad.manifest:2" in result.stdout
    assert says in " ".join(result.stdout.split())
    assert "1 problem. Nothing was written: mend it, or add --skip-bad" in result.stdout
    assert place.datasets.head("pets") is None


def test_what_is_wrong_with_labels_is_found_before_an_input_is_stored(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    path = written(tmp_path / "bad.manifest", *(line("cat", 0, source=f"cat {each}") for each in range(5)), "{")
    assert trueup("import", "augmented-manifest", path).exit_code == 3
    assert place.payloads.payloads == {}


def test_of_many_problems_the_first_are_shown_and_all_are_counted(trueup: Terminal, tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", *({"text": "x", "label": [number]} for number in range(31)))
    said = trueup("import", "jsonl", path)
    assert said.exit_code == 3
    assert said.stdout.count("a.jsonl:") == 20
    assert "31 problems; the first 20 are shown" in said.stdout
    told = trueup.json("import", "jsonl", path, code=3)
    assert (told["problems"], len(told["first_problems"]), told["version"]) == (31, 20, None)


def test_the_rest_is_imported_and_every_problem_is_kept(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    bad = [{"text": "no label"}, {"file": "gone.txt", "label": "cat"}, {"text": "w", "label": "wolf"}]
    path = rows(tmp_path / "a.jsonl", {"text": "one", "label": "cat"}, *bad, {"text": "two", "label": "dog"})
    kept = tmp_path / "kept.jsonl"
    said = trueup("import", "jsonl", path, "--skip-bad", "--problems", str(kept))
    assert said.exit_code == 0, said.output
    assert f"3 problems skipped: {kept} has each with its reason" in said.stdout
    assert "v1: 2 added" in said.stdout
    problems = [json.loads(each) for each in kept.read_text().splitlines()]
    assert sorted(each["where"] for each in problems) == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4"]
    assert json.loads(next(each["raw"] for each in problems if each["where"] == "a.jsonl:2")) == bad[0]
    assert sorted(each.label for each in head(place)) == ["cat", "dog"]


def test_names_that_are_unknown_are_told_at_once_and_mapped(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    labels = ["kitty", "wolf", "kitty", "cat"]
    path = rows(tmp_path / "a.jsonl", *({"text": f"{n}", "label": each} for n, each in enumerate(labels)))
    said = trueup("import", "jsonl", path)
    assert said.exit_code == 3
    assert "the label schema does not know: kitty (2), wolf (1)" in said.stdout
    assert "3 problems, 3 of them with a name that the label schema does not know. Nothing was written" in said.stdout
    said = trueup("import", "jsonl", path, "--map", "kitty=cat", "--map", "wolf=dog", "--map", "lion=cat")
    assert said.exit_code == 0, said.output
    assert "no label has the name lion, which --map names" in said.stdout
    assert sorted(each.label for each in head(place)) == ["cat", "cat", "cat", "dog"]
    for wrong, says in (("kitty=lynx", "'lynx', which the label schema does not know"), ("kitty", "use OLD=NEW")):
        result = trueup("import", "jsonl", path, "--map", wrong)
        assert result.exit_code == 2
        assert says in result.stderr


def test_a_dry_run_tells_what_is_new_and_writes_nothing(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    first = rows(tmp_path / "first.jsonl", {"text": "a", "label": "cat"}, {"text": "b", "label": "dog"})
    trueup("import", "jsonl", first)
    there = place.datasets.head("pets")
    found = [("a", "cat"), ("b", "fox"), ("c", "cat"), ("c", "cat")]
    second = rows(tmp_path / "second.jsonl", *({"text": text, "label": label} for text, label in found))
    said = trueup.json("import", "jsonl", second, "--dry-run")
    assert [said[each] for each in ("labels", "new", "known", "relabelled", "repeated")] == [4, 1, 1, 1, 1]
    assert said["classes"] == {"cat": 3, "fox": 1}
    shown = trueup("import", "jsonl", second, "--dry-run").stdout
    assert "4 labels can be used: 1 new, 1 known, 1 relabelled, 1 repeated" in shown
    assert place.datasets.head("pets") == there
    assert len(place.payloads.payloads) == 2


def test_an_input_with_two_labels_is_a_problem(trueup: Terminal, tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", {"text": "a", "label": "cat"}, {"text": "a", "label": "dog"})
    said = trueup("import", "jsonl", path)
    assert said.exit_code == 3
    assert "the same input has another label at a.jsonl:1" in " ".join(said.stdout.split())


def test_splits_follow_from_the_group_unless_the_sources_are_kept(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    found = [{"text": f"{n}", "label": "cat", "split": "dev", "user": "ada"} for n in range(6)]
    path = rows(tmp_path / "a.jsonl", *found)
    said = trueup("import", "jsonl", path, "--group", "user")
    assert "the source's own splits (6 validation) are not kept" in said.stdout
    assert len({each.split for each in head(place)}) == 1
    assert {each.group for each in head(place)} == {"ada"}
    torn = [{**each, "split": "test" if n else "train", "text": f"x{n}"} for n, each in enumerate(found)]
    path = rows(tmp_path / "torn.jsonl", *torn)
    said = trueup("import", "jsonl", path, "--group", "user", "--keep-splits")
    assert said.exit_code == 3
    assert "the group 'ada' is in train and in test" in " ".join(said.stdout.split())
    said = trueup("import", "jsonl", path, "--keep-splits")
    assert said.exit_code == 0, said.output
    assert sorted(each.split for each in head(place) if each.group != "ada") == ["test"] * 5 + ["train"]


def test_many_functions_make_the_version(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    path = rows(tmp_path / "a.jsonl", *({"text": f"{n}", "label": "cat" if n % 2 else "dog"} for n in range(9)))
    said = trueup("import", "jsonl", path, "--in-cloud")
    assert said.exit_code == 0, said.output
    assert said.stdout.endswith("v1: 9 added, 0 relabelled, 9 in all\n")
    again = trueup("import", "jsonl", path, "--in-cloud").stdout
    assert "9 labels read, all of them known: no new version" in again
    told = trueup.json("import", "jsonl", rows(tmp_path / "b.jsonl", {"text": "1", "label": "fox"}), "--in-cloud")
    assert (told["version"]["relabelled"], told["version"]["number"]) == (1, 2)
    assert trueup.json("dataset", "verify")["problems"] == []
    torn = rows(tmp_path / "torn.jsonl", {"text": "a", "label": "cat"}, {"text": "a", "label": "dog"})
    refused = trueup("import", "jsonl", torn, "--in-cloud")
    assert refused.exit_code == 3
    assert "the same input has another label at torn.jsonl:1" in " ".join(refused.stdout.split())


@pytest.mark.slow
def test_wrong_usage_says_what_there_is(trueup: Terminal, tmp_path: Path) -> None:
    result = trueup("import", "excel", str(tmp_path))
    assert result.exit_code == 2
    assert all(each in result.stderr for each in IMPORTS)
    assert all(each in " ".join(trueup("import", "--help").stdout.split()) for each in IMPORTS)
    assert trueup("import", "coco", str(tmp_path / "gone")).exit_code == 4
    result = trueup("import", "conll", str(tmp_path))
    assert result.exit_code == 2
    assert "CoNLL holds no labels of kind classification" in result.stderr
    empty = tmp_path / "a.jsonl"
    empty.write_text("")
    result = trueup("import", "jsonl", str(empty))
    assert result.exit_code == 2
    assert "holds no label that can be used: it is empty" in result.stderr


def ground_truth_job(place: FakeDeployed, home: str) -> None:
    """A job as Ground Truth leaves it: one label that three people gave, one object that failed."""

    def put(name: str, data: str) -> None:
        place.objects.objects[f"{home}{name}"] = Payload(data=data.encode(), content_type="application/json")

    told = {"class-name": "cat", "confidence": 0.71, "type": "groundtruth/text-classification", "job-name": "old"}
    failed = {"failure-reason": "ClientError: cannot decode", "type": "groundtruth/text-classification"}
    lines = [
        {"source": "a cat", "intent": 0, "intent-metadata": told},
        {"source": "a blur", "intent-metadata": failed},
    ]
    put("manifests/output/output.manifest", "\n".join(map(json.dumps, lines)))
    for number, (worker, label) in enumerate((("ada", "cat"), ("ben", "cat"), ("cy", "dog"))):
        answer = {
            "answerContent": {"crowd-classifier": {"label": label}},
            "submissionTime": f"2026-11-20T09:58:3{number}Z",
            "workerId": f"private.us-east-1.{worker}",
        }
        put(
            f"annotations/worker-response/iteration-1/0/2026-11-20_09:58:3{number}.json",
            json.dumps({"answers": [answer]}),
        )


@pytest.mark.parametrize("named", [HOME, HOME.rstrip("/"), f"{HOME}manifests/output/output.manifest", "old"])
def test_a_labeling_job_comes_along_with_its_workers_answers(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path, named: str
) -> None:
    ground_truth_job(place, HOME)
    place.jobs["old"] = LabelingOutput(place=HOME, attribute="intent", status="Completed")
    answers = tmp_path / "answers.jsonl"
    said = trueup("import", "ground-truth", named, "--answers", str(answers))
    assert said.exit_code == 0, said.output
    assert "1 left out: failed in its job: ClientError: cannot decode" in said.stdout
    assert "v1: 1 added" in said.stdout
    (sample,) = head(place)
    assert (sample.label, sample.posterior, sample.agreement) == ("cat", 0.71, 0.666667)
    assert sample.selected_by == "import"
    given = [json.loads(each) for each in answers.read_text().splitlines()]
    assert sorted(each["label"] for each in given) == ["cat", "cat", "dog"]
    assert {each["sample"] for each in given} == {sample.sample_id}
    people = {each["annotator"] for each in given}
    assert len(people) == 3
    assert not any(name in each for each in people for name in ("ada", "ben", "private"))
    figures = trueup("quality", "agreement", str(answers))
    assert figures.exit_code == 0, figures.output


@pytest.mark.slow
def test_who_gave_an_imported_label_is_known_everywhere(trueup: Terminal, place: FakeDeployed) -> None:
    ground_truth_job(place, HOME)
    said = trueup("import", "ground-truth", HOME)
    assert "3 answers of single people: trueup dataset blame SAMPLE shows who gave a label" in said.stdout
    (sample,) = head(place)
    source = f"ground-truth {HOME}"

    blamed = trueup("dataset", "blame", sample.sample_id[:8]).stdout
    assert "by import at 2026-11-24 10:00:00, posterior 0.710, agreement 0.67" in blamed, blamed
    rows = [" ".join(each.split()) for each in blamed.splitlines() if each.rstrip().endswith(source)]
    assert len(rows) == 3
    assert [each.split()[1] for each in rows] == ["cat", "cat", "dog"]
    assert [each.split()[2:4] for each in rows] == [["2026-11-20", f"09:58:3{second}"] for second in range(3)]
    assert all(each.startswith("imported:") and "private" not in each for each in rows)

    up = trueup("lineage", sample.sample_id, "--up").stdout
    assert f"source {source[:43]}" in up, up
    down = trueup("lineage", sample.sample_id, "--down").stdout
    whole = trueup("lineage", f"source:{source}", "--down").stdout
    for kind in ("annotation", "consensus", "import", "version"):
        assert f" {kind} " in down, down
        assert f" {kind} " in whole, whole
    who = [each["annotator"].removeprefix("imported:")[:10] for each in _answers_of(trueup, sample.sample_id)]
    told = trueup.json("lineage", "annotators", "v1")["annotators"]
    assert sorted(each["annotator"] for each in told) == sorted(who)
    assert all(each["train"] + each["validation"] + each["test"] == 1 for each in told)
    (label,) = trueup.json("lineage", "models", sample.sample_id)["labels"]
    assert (label["held"]["label"], label["held"]["since"]) == ("cat", 1)

    again = trueup("import", "ground-truth", HOME)
    assert "all of them known: no new version" in again.stdout
    assert len(_answers_of(trueup, sample.sample_id)) == 3


def _answers_of(trueup: Terminal, sample: str) -> list[dict[str, Any]]:
    (life,) = trueup.json("dataset", "blame", sample)["lives"]
    found: list[dict[str, Any]] = life["settled"]["annotations"]
    return found


def test_single_answers_are_left_out_where_nobody_wants_them(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    ground_truth_job(place, HOME)
    kept = tmp_path / "answers.jsonl"
    said = trueup("import", "ground-truth", HOME, "--no-answers", "--answers", str(kept))
    assert "3 answers of single people: how far they agree with a label is kept beside it" in said.stdout
    (sample,) = head(place)
    assert (sample.agreement, sample.annotators, len(kept.read_text().splitlines())) == (0.666667, (), 3)
    assert place.tasks.answers("pets", 10) == []
    assert "no answer is known: the label was brought along" in trueup("dataset", "blame", sample.sample_id).stdout
    assert trueup("lineage", sample.sample_id).exit_code == 4


def test_answers_of_an_export_are_known_by_its_own_people(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    def answer(who: int, name: str) -> dict[str, Any]:
        result = [{"from_name": "l", "type": "choices", "value": {"choices": [name]}}]
        return {"completed_by": who, "result": result, "updated_at": f"2026-11-0{who}T10:00:00Z", "lead_time": 7.0}

    export = tmp_path / "export.json"
    export.write_text(json.dumps([{"data": {"text": "tom"}, "annotations": [answer(n, "cat") for n in (1, 2)]}]))
    said = trueup("import", "label-studio", str(export))
    assert said.exit_code == 0, said.output
    (sample,) = head(place)
    found = _answers_of(trueup, sample.sample_id)
    assert [(each["label"], each["seconds_spent"], each["source"]) for each in found] == [
        ("cat", 7.0, f"label-studio {export}")
    ] * 2


@pytest.mark.slow
def test_what_many_answers_cost_is_told_before(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    result = [{"from_name": "l", "type": "choices", "value": {"choices": ["cat"]}}]
    crowd = [{"completed_by": who, "result": result} for who in range(10_000)]
    export = tmp_path / "export.json"
    export.write_text(json.dumps([{"data": {"text": "tom"}, "annotations": crowd}]))
    said = trueup("import", "label-studio", str(export), "--dry-run").stdout
    assert "10,000 answers of single people" in said
    assert "To keep them costs some $0.08 of DynamoDB; --no-answers leaves them out" in said
    assert place.tasks.answers("pets", 10) == []


def test_a_job_that_is_not_there_or_wrote_nothing_says_so(trueup: Terminal, place: FakeDeployed) -> None:
    place.jobs["young"] = LabelingOutput(place="s3://acme/out/young/", status="InProgress")
    result = trueup("import", "ground-truth", "young")
    assert result.exit_code == 4
    assert "young is InProgress and has written nothing yet" in result.stderr
    assert trueup("import", "ground-truth", "nobody").exit_code == 4
    ground_truth_job(place, HOME)
    result = trueup("import", "ground-truth", "s3://acme/out/")
    assert result.exit_code == 4
    assert "Jobs below it: old" in result.stderr


def test_labels_that_no_person_gave_are_told(trueup: Terminal, tmp_path: Path) -> None:
    told = {"class-name": "cat", "confidence": 0.97, "type": "groundtruth/text-classification", "human-annotated": "no"}
    path = rows(tmp_path / "a.manifest", {"source": "a cat", "intent": 0, "intent-metadata": told})
    said = trueup("import", "augmented-manifest", path, "--dry-run")
    assert "1 label of a model, which no person gave" in said.stdout
    assert trueup.json("import", "augmented-manifest", path)["by_model"] == 1
