"""The documents say what the code says."""

from __future__ import annotations

from pathlib import Path

from trueup.capture.decoders import DECODERS
from trueup.dataset.exports import EXPORTS
from trueup.dataset.guards import GUARDS
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
    for table in (DECODERS, STRATEGIES, METHODS, RULES, EXPORTS, SPLITTERS, [each.__name__ for each in GUARDS]):
        for name in table:
            assert f"`{name}`" in page


def test_every_module_that_fits_answers_is_in_the_extending_page() -> None:
    page = (DOCS / "extending.md").read_text()
    for name in ("ratings", "preferences", "shapes", "masks"):
        assert f"`quality/{name}.py`" in page
