"""What annotators read is changed where it led to disputes, and every version is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.errors import ConflictError, InputError
from trueup.events import GuidelinesChanged
from trueup.model import Guidelines, Project
from trueup.ports import Clock, GuidelineStore, Journal
from trueup.usecases.find_project import project_named

# An item of the table holds 400 KB, and a page shows all of it.
MAX_CHARACTERS = 20_000


@dataclass(frozen=True)
class EditGuidelines:
    """Raises NotFoundError, InputError (no reason, too long), ConflictError (somebody else was first)."""

    projects: Mapping[str, Project]
    guidelines: GuidelineStore
    clock: Clock

    def newest(self, project_name: str) -> Guidelines:
        """What annotators read now: the newest version, or the configuration's as version 0."""
        project = project_named(self.projects, project_name)
        return self.guidelines.newest(project.name) or Guidelines(
            project=project.name, number=0, text=project.label_schema.guidelines
        )

    def versions(self, project_name: str) -> list[Guidelines]:
        """Newest first, the configuration's last."""
        project = project_named(self.projects, project_name)
        first = Guidelines(project=project.name, number=0, text=project.label_schema.guidelines)
        return [*self.guidelines.versions(project.name), first]

    def write(
        self, project_name: str, text: str, by: str, reason: str, after: int, task_id: str | None = None
    ) -> Guidelines:
        """Make the version that follows `after`, which the writer has read. The newest text again changes nothing."""
        project = project_named(self.projects, project_name)
        before = self.newest(project.name)
        if text.strip() == before.text.strip():
            return before
        if not reason.strip():
            raise InputError("say why the guidelines change", field="reason")
        if len(text) > MAX_CHARACTERS:
            raise InputError(
                f"the guidelines have {len(text):,} characters: use up to {MAX_CHARACTERS:,}", field="text"
            )
        if after != before.number:
            raise ConflictError(f"somebody changed the guidelines meanwhile (version {before.number}): read them again")
        now = self.clock.now()
        made = Guidelines(
            project=project.name,
            number=after + 1,
            text=text.strip(),
            by=by,
            reason=reason,
            at=now,
            task_id=task_id,
        )
        event = GuidelinesChanged(project=project.name, number=made.number, by=by, reason=reason)
        self.guidelines.save(made, Journal(at=now, events=(event,)))
        return made
