"""The documents say what the code says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.unit.lineage.test_mirror import run, version
from tests.unit.retraining.test_package import WRITTEN
from tests.worlds import project
from trueup.capture.decoders import DECODERS
from trueup.dataset.exporting import EVERY_KIND
from trueup.dataset.formats import FORMATS
from trueup.dataset.guards import GUARDS
from trueup.dataset.importing import IMPORTS
from trueup.dataset.splitting import SPLITTERS
from trueup.events import documentation
from trueup.lineage.openlineage import facets
from trueup.lineage.openlineage.jobs import JOBS
from trueup.quality.methods import METHODS
from trueup.retraining.plan import package_metadata
from trueup.retraining.triggers import RULES
from trueup.selection.strategies import STRATEGIES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_events_page_is_the_code() -> None:
    assert (DOCS / "events.md").read_text() == documentation()


def test_everything_registered_is_in_the_extending_page() -> None:
    page = (DOCS / "extending.md").read_text()
    guards = [each.__name__ for each in GUARDS]
    for table in (DECODERS, STRATEGIES, METHODS, RULES, FORMATS, IMPORTS, SPLITTERS, guards):
        for name in table:
            assert f"`{name}`" in page


def test_every_format_is_in_the_exports_page() -> None:
    """With its kinds and its file."""
    rows = [each.split("|") for each in (DOCS / "exports.md").read_text().splitlines() if each.startswith("| `")]
    told = {row[1].strip(" `"): (row[2].strip(), row[3].strip(" `")) for row in rows if row[1].strip(" `") in FORMATS}
    assert told == {
        name: (
            "every kind" if each.KINDS == EVERY_KIND else ", ".join(f"`{kind}`" for kind in each.KINDS),
            each.FILE or "a directory",
        )
        for name, each in FORMATS.items()
    }


def test_every_module_that_fits_answers_is_in_the_extending_page() -> None:
    page = (DOCS / "extending.md").read_text()
    for name in ("ratings", "preferences", "shapes", "masks"):
        assert f"`quality/{name}.py`" in page


def test_every_import_format_is_in_its_page() -> None:
    page = (DOCS / "imports.md").read_text()
    assert [name for name in IMPORTS if f"`{name}`" not in page] == []


def test_every_job_and_facet_is_in_the_lineage_page() -> None:
    page = (DOCS / "openlineage.md").read_text()
    kinds = [each for each in vars(facets).values() if isinstance(each, type) and issubclass(each, facets.Facet)]
    for name in {each.NAME for each in kinds if each is not facets.Facet}:
        assert f"`{name}`" in page, name
    for name in JOBS:
        assert f"`<project>.{name}`" in page, name


def test_the_published_facet_and_its_page_hold_what_is_told() -> None:
    schema, page = facets.annotation_schema(), (DOCS / "openlineage.md").read_text()
    assert f"{schema['$id']}#/$defs/TrueupAnnotationDatasetFacet" == facets.AnnotationFacet.SCHEMA
    parts = (
        (facets.AnnotationFacet, schema["$defs"]["TrueupAnnotationDatasetFacet"]["allOf"][1]),
        (facets.AskedBy, schema["$defs"]["AskedBy"]),
        (facets.Answers, schema["$defs"]["Answers"]),
    )
    for record, described in parts:
        fields = {each.encode_name: each.required for each in msgspec.structs.fields(record)}
        assert set(described["properties"]) == set(fields)
        assert set(described["required"]) == {name for name, required in fields.items() if required}
        for name in fields:
            assert f"`{name}`" in page, name


def test_every_word_of_a_model_package_is_in_the_lineage_page() -> None:
    page = (DOCS / "openlineage.md").read_text()
    for name in package_metadata(project(), run(), version(7, 120, schema_version="abc"), WRITTEN):
        assert f"`{name}`" in page, name
