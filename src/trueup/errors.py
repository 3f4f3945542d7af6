"""The one exception tree.

TrueupError                       everything that trueup raises on purpose
├── InputError                    what came in is wrong: names the file, line or field, and what to do
│   ├── ConfigurationError        a project's or a deployment's configuration
│   ├── CaptureError              a capture file or record that cannot be read
│   │   └── DecodeError           a payload that no decoder can turn into a prediction
│   ├── LeakError                 a change that would take what is frozen for testing into training, or tear a group
│   ├── LabelError                a label that the label schema does not know
│   └── ManifestError             a manifest or segment line that cannot be read
├── NotFoundError                 the named thing does not exist
├── ConflictError                 the world moved on: the caller decides again on fresh facts
│   ├── LeaseError                no such lease, or it expired, or somebody else holds it
│   ├── TaskClosedError           the task takes no more answers
│   ├── HeadMovedError            another commit won the dataset's head
│   ├── GroupsApartError          many placed what belongs together into several splits: they do it again
│   ├── MergeConflictError        two versions changed the same samples differently
│   └── RunActiveError            the project already retrains
├── IntegrityError                stored bytes do not match their content-addressed name
├── PermissionDeniedError         the caller's role does not allow it
│   └── SuspendedError            an annotator gets no tasks for now
├── RetryableError                try the same again later: throttled, time-out, not yet visible
└── ServiceError                  AWS refused for a reason that retrying does not mend
"""

from __future__ import annotations

from collections.abc import Sequence


class TrueupError(Exception):
    """Root of what trueup raises on purpose. `code` is stable and safe to show to a user."""

    @property
    def code(self) -> str:
        return type(self).__name__.removesuffix("Error")


class InputError(TrueupError):
    """Bad input. `field` names the offending key, line or parameter when there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ConfigurationError(InputError):
    """A configuration key holds what it must not; the message names the key and what it may hold."""


class CaptureError(InputError):
    """A capture file or record cannot be read."""


class DecodeError(CaptureError):
    """A captured payload cannot be turned into a prediction."""


class LeakError(InputError):
    """A change would bring a frozen test set, or what belongs to it, into another split, or leave a group in two."""


class LabelError(InputError):
    """A label is not in the project's label schema."""


class ManifestError(InputError):
    """A manifest or segment line cannot be read."""


class NotFoundError(TrueupError):
    """The named thing does not exist."""


class ConflictError(TrueupError):
    """A conditional write lost: decide again on fresh facts."""


class LeaseError(ConflictError):
    """The lease is unknown, expired, or another annotator's."""


class TaskClosedError(ConflictError):
    """The task is settled, in review or cancelled, and takes no more answers."""


class HeadMovedError(ConflictError):
    """Another commit moved the dataset's head first."""


class GroupsApartError(ConflictError):
    """Parts of a commit put what belongs together into several splits. It is ruled on: they do their parts again."""


class MergeConflictError(ConflictError):
    """Two versions changed the same samples differently: a person, or a strategy, has to choose. `conflicts` are
    records of trueup.dataset.three_way."""

    def __init__(self, message: str, conflicts: Sequence[object]) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)


class RunActiveError(ConflictError):
    """A retraining run of this project is in progress."""


class IntegrityError(TrueupError):
    """Stored bytes do not hash to the name they are stored under."""


class PermissionDeniedError(TrueupError):
    """The caller's role does not allow this."""


class SuspendedError(PermissionDeniedError):
    """An annotator gets no tasks in a project until a lead says so."""


class RetryableError(TrueupError):
    """A passing trouble: the same call may succeed later."""


class ServiceError(TrueupError):
    """A service refused for a reason that retrying does not mend."""
