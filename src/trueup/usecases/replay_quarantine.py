"""Lines that could not be used come again, after what was wrong was mended: another decoder, another label schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.capture.records import parse_key
from trueup.errors import NotFoundError
from trueup.model import CaptureFile, Record, content_id
from trueup.ports import BadLines, Quarantine

_SHOWN = 5


class QuarantinedFile(Record, frozen=True, kw_only=True):
    """What waits of one capture file: how many lines, why, most frequent reasons first, and the first of them, in all
    and for each reason. `replayed_as` is the capture file that they were put into."""

    file: str
    lines: int
    reasons: Mapping[str, int]
    first_lines: tuple[int, ...]
    reason_lines: Mapping[str, tuple[int, ...]]
    replayed_as: str | None = None


@dataclass(frozen=True)
class ReplayQuarantine:
    """Writes what waits as capture files beside those that it came from, named by their content. S3 announces them, and
    the ordinary ingest reads them: what is still wrong is quarantined again, of the new file. The same lines replayed
    twice are ingested once."""

    quarantine: Quarantine

    def look(self, project: str, file: str | None = None) -> list[QuarantinedFile]:
        """What waits, without touching it. Raises NotFoundError when nothing waits of the named file."""
        return [_told(each) for each in self._parts(project, file)]

    def __call__(self, project: str, file: str | None = None) -> list[QuarantinedFile]:
        """Raises NotFoundError as `look` does."""
        replayed = []
        for part in list(self._parts(project, file)):
            data = b"".join(each.raw + b"\n" for each in part.lines)
            again = _again(part, data)
            self.quarantine.release(part, again, data)
            replayed.append(replace(_told(part), replayed_as=again.uri))
        return replayed

    def _parts(self, project: str, file: str | None) -> Iterator[BadLines]:
        found = False
        for each in self.quarantine.parts(project):
            if file is None or each.file == file:
                found = True
                yield each
        if file is not None and not found:
            raise NotFoundError(f"no line of {file} waits in the quarantine of {project}")


def _told(part: BadLines) -> QuarantinedFile:
    reasons = Counter(each.reason for each in part.lines)
    # Halves of events, and what was found out by its input, come last.
    lines = sorted(part.lines, key=lambda each: each.line)
    numbers: dict[str, list[int]] = {}
    for each in lines:
        numbers.setdefault(each.reason, []).append(each.line)
    return QuarantinedFile(
        file=part.file,
        lines=len(part.lines),
        reasons=dict(reasons.most_common()),
        first_lines=tuple(each.line for each in lines[:_SHOWN]),
        reason_lines={name: tuple(found[:_SHOWN]) for name, found in numbers.items()},
    )


def _again(part: BadLines, data: bytes) -> CaptureFile:
    """Beside the file that the lines came from, so that endpoint, variant and hour stay what they were."""
    bucket, _, key = part.file.removeprefix("s3://").partition("/")
    folder = key.rpartition("/")[0]
    return parse_key(bucket, f"{folder}/replay-{content_id(part.file, data)[:24]}.jsonl")
