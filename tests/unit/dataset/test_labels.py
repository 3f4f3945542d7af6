"""What a settled label takes along into its line."""

from __future__ import annotations

from tests.unit.usecases.test_schema_migrations import answer
from tests.worlds import Loop, capture_line, project
from trueup.similarity.near_duplicates import print_text
from trueup.usecases.making_versions import view_of

WORDS = " ".join(f"word{each}" for each in range(300))


def test_a_line_knows_its_sample_s_group_time_and_fingerprint() -> None:
    loop = Loop(project())
    file = loop.capture(0)
    loop.archive.files[file.uri] = capture_line(1, text=WORDS) + b"\n"
    loop.ingest(file)
    answer(loop, "ada", "cat")
    loop.settle("pets", answer(loop, "ben", "cat"))
    loop.commit("pets", "settled", force=True)
    (line,) = view_of(loop.datasets, "pets", loop.datasets.head("pets"))
    sample = loop.tasks.sample("pets", line.sample_id)
    assert line.fingerprint == sample.fingerprint == print_text(WORDS.encode(), "text/plain")
    assert (line.group, line.captured_at) == (sample.group, sample.first_seen)
