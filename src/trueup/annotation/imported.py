"""Answers that people gave elsewhere, and that came with an import.

They belong to no task of ours, for nobody here was asked. A sample's are kept together in a place of their own, so that
neither the consensus of a task counts them, nor a person twice who answers here as well.
"""

from __future__ import annotations

from trueup.model import IMPORTED_ANNOTATOR, content_id

# The backend of such answers, and the method of the labels that stand on them: the other tool had its own.
IMPORT = "import"


def answers_id_of(project: str, sample_id: str) -> str:
    """What stands for the task in a sample's imported answers."""
    return content_id(project, IMPORT, sample_id)[:32]


def imported_annotator(project: str, name: str) -> str:
    """By which somebody goes of whom a source has this name: the same in all imports of a project."""
    return f"{IMPORTED_ANNOTATOR}{content_id('annotator', project, name)[:12]}"
