"""Why something failed is written down where whoever looks at the dead letters finds it."""

from __future__ import annotations

import msgspec

from trueup.ports import Clock, FailureNote, FailureNotes

_LONGEST = 1000


class NoteFailure(msgspec.Struct, frozen=True):
    """Keep the error that `function` ended in over a message or stream record of this name."""

    notes: FailureNotes
    clock: Clock
    function: str

    def __call__(self, name: str, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}".encode(errors="backslashreplace").decode()
        note = FailureNote(name=name, function=self.function, reason=text[:_LONGEST], at=self.clock.now())
        self.notes.keep(note)
