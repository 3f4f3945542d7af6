"""The three steps of a bulk job, as the workflow asks for them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from trueup.dataset.parts import PART_ROWS, Part, parts_of
from trueup.errors import GroupsApartError, HeadMovedError, RetryableError
from trueup.model import Record
from trueup.ports import Clock, DatasetStore
from trueup.settings import Project
from trueup.usecases.bulk.committing import MOST_ROWS, commit_part, conclude_commit, plan_commit
from trueup.usecases.bulk.exporting import Exports, conclude_export, export_part, plan_export
from trueup.usecases.bulk.jobs import Bulk, Concluded, keep, read_job
from trueup.usecases.bulk.verifying import conclude_verify, verify_part
from trueup.usecases.find_project import project_named

_ATTEMPTS = 5


class Planned(Record, frozen=True, kw_only=True):
    """`parts` is the URI of a JSON array of them."""

    job: Bulk
    parts: str


@dataclass(frozen=True)
class BulkVersions:
    """Verify, commit or export what one function cannot hold or has not the time for. Each step may be repeated: a part
    writes the same again, and a version is made once."""

    projects: Mapping[str, Project]
    datasets: DatasetStore
    exports: Exports
    clock: Clock
    rows: int = PART_ROWS
    room: int = MOST_ROWS

    def plan(self, document: Any) -> Planned:
        """Settle on which version and in which parts. Raises InputError (what is asked), NotFoundError (a version),
        ConflictError (an export's place holds something), RetryableError (other commits won again and again)."""
        job = read_job(document)
        project = project_named(self.projects, job.project)
        if job.attempt >= _ATTEMPTS:
            raise RetryableError(
                f"the head of {project.name} moved, or its groups came apart, {_ATTEMPTS} times during {job.run}"
            )
        job = self._of_commit(job) if job.verb == "commit" else self._of_version(job)
        parts = parts_of(self._size(job), self._rows(job))
        job = replace(job, parts=len(parts), attempt=job.attempt + 1)
        place = self.datasets.put_report(job.project, job.place("parts.json"), msgspec.json.encode(parts))
        return Planned(job=job, parts=place)

    def part(self, document: Any, part: Any) -> None:
        """Do one part, and lay down what it found. Raises what the verb does."""
        job, one = read_job(document), msgspec.convert(part, Part)
        keep(self.datasets, job, one, self._found(job, one))

    def conclude(self, document: Any) -> Concluded:
        """Put the parts together. Raises what the verb does: after HeadMovedError and GroupsApartError the job is to
        be planned anew."""
        job = read_job(document)
        if job.verb == "verify":
            return conclude_verify(self.datasets, job)
        if job.verb == "export":
            return conclude_export(self.exports, self.datasets, job)
        return conclude_commit(self.datasets, project_named(self.projects, job.project), job, self.room)

    def _found(self, job: Bulk, part: Part) -> Record:
        if job.verb == "verify":
            return verify_part(self.datasets, job, part)
        if job.verb == "export":
            return export_part(self.exports, self.datasets, job, part)
        return commit_part(self.datasets, project_named(self.projects, job.project), job, part)

    def _rows(self, job: Bulk) -> int:
        if job.verb != "export":
            return self.rows
        return min(self.rows, plan_export(self.exports, self.datasets.version(job.project, job.version), job).rows)

    def _of_commit(self, job: Bulk) -> Bulk:
        planned = plan_commit(self.datasets, job)
        return replace(
            planned,
            number=self.datasets.next_number(job.project),
            at=self.clock.now(),
            epoch=self.datasets.forgotten(job.project, ()).epoch,
            frozen=len(self.datasets.frozen(job.project)),
        )

    def _of_version(self, job: Bulk) -> Bulk:
        version = self.datasets.version(job.project, job.version)
        return replace(job, version=version.version_id, number=version.number)

    def _size(self, job: Bulk) -> int:
        """What a part is measured by: the samples that it compares or reads."""
        held = self.datasets.version(job.project, job.version).samples if job.version else 0
        return max(held, sum(each.samples for each in job.staged))


def in_memory(steps: BulkVersions, document: Mapping[str, Any]) -> Any:
    """What the workflow does, in one process: every step through JSON, planned anew as often as it is to be."""
    job = document["job"]
    while True:
        planned = steps.plan(job)
        job = msgspec.to_builtins(planned.job)
        for each in msgspec.json.decode(steps.datasets.read(planned.parts)):
            steps.part(job, each)
        try:
            return msgspec.to_builtins(steps.conclude(job))
        except (HeadMovedError, GroupsApartError):
            continue
