"""Capture manifests of batch transforms: which input object belongs to which output.

Format: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html. A transform writes, below the
destination that its DataCaptureConfig names, input/yyyy/mm/dd/hh/<uuid>.json and output/…: JSON arrays of a prefix and
the names of the transform's own objects. The uuids of the two sides do not tell that they belong together; the names
do, since an output is called as its input with .out behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from trueup.errors import ManifestError
from trueup.model import CaptureFile, Record, TransformPair, content_id

VARIANT = "transform"
_OUT = ".out"
_SHOWN = 3
_NAME = "[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_KEY = re.compile(
    rf"(?P<folder>(?:.*/)?(?P<project>[^/]+)/(?P<name>{_NAME}))/(?P<side>input|output)"
    r"/(?P<hour>[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2})/[^/]+\.json"
)
_BODY = msgspec.json.Decoder(list[dict[str, str] | str])


class ManifestFile(Record, frozen=True, kw_only=True):
    """Where a manifest lies. `folder` is the destination's key, which ends in the project and a name."""

    bucket: str
    key: str
    folder: str
    project: str
    name: str
    side: str
    hour: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def at(self) -> datetime:
        """The hour in which it was written. Raises ManifestError when there is no such hour."""
        try:
            return datetime.strptime(self.hour, "%Y/%m/%d/%H").replace(tzinfo=UTC)
        except ValueError as error:
            raise ManifestError(f"{self.uri}: {self.hour} is no hour", field=self.uri) from error

    def inputs(self) -> tuple[str, ...]:
        """Where the input's manifest may lie: this hour first, and its neighbours, since the two are not written at
        once."""
        hours = (self.at + timedelta(hours=each) for each in (0, -1, 1))
        return tuple(f"s3://{self.bucket}/{self.folder}/input/{each:%Y/%m/%d/%H}/" for each in hours)

    def capture_file(self, output: str, part: int) -> CaptureFile:
        """The capture file that a part of an output object becomes: the same again for the same names."""
        digest = content_id(self.uri, output)[:24]
        key = f"{self.folder}/{VARIANT}/{self.hour}/{digest}-{part:04d}.jsonl"
        return CaptureFile(project=self.project, endpoint=self.name, variant=VARIANT, bucket=self.bucket, key=key)


class Manifest(Record, frozen=True, kw_only=True):
    """What a manifest names: objects whose URIs are `prefix` and each name, put together."""

    uri: str
    prefix: str
    names: tuple[str, ...]


def manifest_file(uri: str) -> ManifestFile:
    """Read a manifest's URI. Raises ManifestError that names it when it has another layout."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    match = _KEY.fullmatch(key)
    if match is None:
        raise ManifestError(
            f"{uri}: not a capture manifest; expected <project>/<name>/input|output/yyyy/mm/dd/hh/<file>.json, which a "
            "transform writes whose DataCaptureConfig.DestinationS3Uri is <the project's capture URI>/<name>",
            field=uri,
        )
    return ManifestFile(bucket=bucket, key=key, **match.groupdict())


def read_manifest(uri: str, data: bytes) -> Manifest:
    """Raises ManifestError that says what is wrong in which element."""
    try:
        first, *names = _BODY.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{uri}: not a capture manifest: {error}", field=uri) from error
    except ValueError as error:
        raise ManifestError(f"{uri}: the manifest is empty: it must begin with a prefix", field=uri) from error
    prefix = first.get("prefix", "") if isinstance(first, dict) else ""
    if not re.fullmatch(r"s3://[^/]+/.*", prefix):
        raise ManifestError(f'{uri}: element 1 must be {{"prefix": "s3://bucket/…/"}}, and is {first!r}', field=uri)
    for number, name in enumerate(names, start=2):
        if not isinstance(name, str) or not name:
            raise ManifestError(f"{uri}: element {number} must be the name of an object, and is {name!r}", field=uri)
    return Manifest(uri=uri, prefix=prefix, names=tuple(each for each in names if isinstance(each, str)))


def pair_up(output: Manifest, inputs: Sequence[Manifest]) -> tuple[TransformPair, ...] | None:
    """Each output object with its input, by those of `inputs` that name them all; None when none do.

    Raises ManifestError for outputs that are none, and when several jobs' inputs of the same names could be meant."""
    wanted = {_input_of(output, each): each for each in output.names}
    if not wanted:
        return ()
    known: dict[str, set[str]] = {}
    for each in inputs:
        known.setdefault(each.prefix, set()).update(each.names)
    fitting = [prefix for prefix, names in known.items() if wanted.keys() <= names]
    # A job over the same names and some more is not the one, where another has these alone.
    exact = [prefix for prefix in fitting if known[prefix] == wanted.keys()]
    meant = exact if len(fitting) > 1 and exact else fitting
    if len(meant) > 1:
        raise ManifestError(
            f"{output.uri}: its inputs may be those under any of {', '.join(sorted(meant)[:_SHOWN])}: let transforms "
            "that run in the same hours over objects of the same names capture to destinations of their own",
            field=output.uri,
        )
    return _pairs(output, meant[0], wanted) if meant else None


def _pairs(output: Manifest, prefix: str, wanted: dict[str, str]) -> tuple[TransformPair, ...]:
    found = sorted(wanted.items())
    return tuple(
        TransformPair(manifest=output.uri, input=f"{prefix}{name}", output=f"{output.prefix}{out}")
        for name, out in found
    )


def _input_of(manifest: Manifest, output: str) -> str:
    name = output.removesuffix(_OUT)
    if name == output or not name:
        raise ManifestError(f"{manifest.uri}: {output!r} is no output of a transform: it must end in {_OUT}")
    return name
