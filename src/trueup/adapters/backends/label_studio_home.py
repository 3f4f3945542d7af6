"""A project of a Label Studio server as trueup wants it: label schema, webhook, and where pictures lie."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Protocol

from trueup.adapters.backends.label_studio_api import LabelStudioApi, Storage, StudioProject, Webhook
from trueup.errors import ConfigurationError, RetryableError, ServiceError
from trueup.labels.exporting import to_label_studio
from trueup.model import Project
from trueup.ports import HintToken

_HINTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "TASKS_DELETED"})
_GIVEN_UP = "Made by trueup at the same time as another one, and not used: delete it when nobody works on the server."
# Kinds of which an answer may hold nothing: there is no thing in the picture.
_EMPTY = ("multilabel", "boxes", "polygons", "mask", "spans")


class LabelingFiles(Protocol):
    """The dataset bucket; adapters/aws/labeling_files.py is it."""

    def payload(self, uri: str) -> bytes:
        """Raises NotFoundError, and InputError for an object of another bucket."""
        ...

    def put(self, key: str, data: bytes) -> None: ...

    def get(self, key: str) -> bytes:
        """Raises NotFoundError."""
        ...

    @property
    def bucket(self) -> str: ...

    @property
    def region(self) -> str: ...


@dataclass(frozen=True)
class Inbox:
    """Where hints are sent, and what they come with there."""

    url: str
    header: str
    token: HintToken

    @property
    def headers(self) -> dict[str, str]:
        return {self.header: self.token.value()}


class StudioHome:
    """The project of a server that has the `place` (stage/project) in its description."""

    def __init__(
        self, project: Project, api: LabelStudioApi, files: LabelingFiles, place: str, inbox: Inbox | None
    ) -> None:
        self._project = project
        self._api = api
        self._files = files
        self._mark = f"[trueup:{place}]"
        self._inbox = inbox
        self._number: int | None = None

    def prepared(self) -> int:
        """Its number, once it has our label schema, webhook and pictures. Raises ConfigurationError."""
        number = self._number = self._schooled(self._single())
        self._hook(number)
        self._connect(number)
        return number

    def _schooled(self, found: StudioProject | None) -> int:
        try:
            found = found or self._create()
            self._teach(found)
        except ServiceError as error:
            raise ConfigurationError(
                f"Label Studio refuses the label schema of {self._project.name}, perhaps for answers given under "
                f"another one: {error}",
                field="label_schema",
            ) from error
        return found.id

    def _teach(self, found: StudioProject) -> None:
        wanted = self._taught()
        if any(getattr(found, key) != value for key, value in wanted.items()):
            self._api.change_project(found.id, wanted)

    def _taught(self) -> dict[str, Any]:
        """What follows the label schema. Label Studio shows the instruction as HTML, and keeps no other than safe."""
        schema = self._project.label_schema
        return {
            "label_config": to_label_studio(schema),
            "expert_instruction": html.escape(schema.guidelines, quote=False).replace("\n", "<br>"),
            "show_instruction": bool(schema.guidelines),
            "enable_empty_annotation": schema.kind in _EMPTY,
        }

    def find(self) -> int | None:
        if self._number is None:
            found = self._lookup()
            self._number = found.id if found else None
        return self._number

    def forget(self) -> None:
        """Somebody deleted the project there."""
        self._number = None

    def _single(self) -> StudioProject | None:
        """Two passes may have made one each. The younger and empty one is given up, but not deleted: Label Studio
        disconnects Django's signals of its whole process meanwhile (projects/api.py, perform_destroy), and two
        deletions at once leave them so, whereupon no answer makes a task labelled any more."""
        ours = self._ours()
        for each in ours[1:]:
            if each.task_number == 0:
                self._api.change_project(each.id, {"title": "not in use", "description": _GIVEN_UP})
        return ours[0] if ours else None

    def _lookup(self) -> StudioProject | None:
        return next(iter(self._ours()), None)

    def _ours(self) -> list[StudioProject]:
        """The oldest first, which every pass takes."""
        found = (each for each in self._api.projects() if self._mark in (each.description or ""))
        return sorted(found, key=lambda each: each.id)

    def _create(self) -> StudioProject:
        made = self._api.make_project(
            {
                "title": (self._project.title or self._project.name)[:50].ljust(3, "."),
                "description": f"Kept in step by trueup: do not change this line. {self._mark}",
                **self._taught(),
                "maximum_annotations": self._project.consensus.overlap,
                "show_skip_button": True,
                "skip_queue": "REQUEUE_FOR_OTHERS",
            }
        )
        return self._single() or made

    def _hook(self, number: int) -> None:
        if self._inbox is None:
            return
        wanted = {
            "project": number,
            "url": self._inbox.url,
            "headers": self._inbox.headers,
            "send_payload": False,
            "send_for_all_actions": False,
            "actions": _HINTS,
            "is_active": True,
        }
        found = self._hooks(number, self._inbox)
        if not found:
            self._api.make_webhook(wanted)
            found = self._hooks(number, self._inbox)
        for each in found[1:]:
            self._api.delete_webhook(each.id)
        if found and any(getattr(found[0], key) != wanted[key] for key in ("url", "headers", "actions", "is_active")):
            self._api.change_webhook(found[0].id, wanted)

    def _hooks(self, number: int, inbox: Inbox) -> list[Webhook]:
        """Those that come with our header, wherever they go: the oldest first. Two passes may have made one each."""
        found = (each for each in self._api.webhooks(number) if inbox.header in each.headers)
        return sorted(found, key=lambda each: each.id)

    def _connect(self, number: int) -> None:
        """Pictures and sounds lie in our bucket; the server signs their addresses with an identity of its own."""
        if self._project.label_schema.media not in ("image", "audio"):
            return
        if self._storages(number):
            return
        wanted = {
            "project": number,
            "title": "trueup",
            "bucket": self._files.bucket,
            "prefix": f"{self._project.name}/payloads",
            "region_name": self._files.region,
            "use_blob_urls": True,
            "presign": True,
        }
        try:
            self._api.make_storage(wanted)
        # A server without any identity answers 500, and one without a way to S3 not in time.
        except (ServiceError, RetryableError) as error:
            raise ConfigurationError(
                f"Label Studio cannot read the bucket {self._files.bucket}: give its server an AWS identity that may "
                f"read {self._project.name}/payloads/ there (docs/label-studio.md): {error}",
                field="label_studio",
            ) from error
        for each in self._storages(number)[1:]:
            self._api.delete_storage(each.id)

    def _storages(self, number: int) -> list[Storage]:
        found = (each for each in self._api.storages(number) if each.bucket == self._files.bucket)
        return sorted(found, key=lambda each: each.id)
