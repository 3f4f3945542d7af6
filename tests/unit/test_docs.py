"""The documents say what the code says."""

from __future__ import annotations

from pathlib import Path

from trueup.capture.decoders import DECODERS
from trueup.dataset.exporting import EVERY_KIND
from trueup.dataset.formats import FORMATS
from trueup.dataset.guards import GUARDS
from trueup.dataset.importing import IMPORTS
from trueup.dataset.splitting import SPLITTERS
from trueup.events import documentation
from trueup.quality.methods import METHODS
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
