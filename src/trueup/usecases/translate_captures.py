"""What SageMaker says in other words becomes capture files, which S3 announces to the ordinary ingest: manifests of
batch transforms, and messages of asynchronous endpoints.

Files are named by what they were made of and written once, so any of this may come twice, and in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueup.capture import asynchronous
from trueup.capture.asynchronous import AsyncInference, failure_attribute
from trueup.capture.joining import (
    WHOLE,
    Answer,
    Shape,
    lines_of,
    read_answer,
    shape_of,
    type_of_object,
    type_of_output,
)
from trueup.capture.manifests import Manifest, ManifestFile, manifest_file, pair_up, read_manifest
from trueup.capture.writing import event_id_of, record_line
from trueup.errors import CaptureError, ConfigurationError, NotFoundError, RetryableError
from trueup.model import CaptureFile, Payload, Project, Record, TransformPair, content_id
from trueup.ports import CaptureSources, TransformQueue

# A line of two sides in base64 is what ingest still reads in a function of 512 MB.
_SIDE_BYTES = 16_000_000
_FILE_BYTES = 16_000_000


class Translation(Record, frozen=True, kw_only=True):
    """What became of one message: `captures` records in `files`; `failed` tells of an inference that failed;
    `announced` objects of a manifest wait to be translated."""

    project: str
    captures: int = 0
    files: tuple[str, ...] = ()
    failed: int = 0
    announced: int = 0


@dataclass(frozen=True)
class TranslateCaptures:
    """Raises InputError for what cannot be translated, NotFoundError for objects that are gone, and RetryableError
    while a part has not come yet. `bucket` is the captures bucket. No side of a capture holds more than `side_bytes`;
    a file ends when it reaches `file_bytes`."""

    projects: Mapping[str, Project]
    sources: CaptureSources
    queue: TransformQueue
    bucket: str
    side_bytes: int = _SIDE_BYTES
    file_bytes: int = _FILE_BYTES

    def manifest(self, uri: str) -> Translation:
        """Announce the objects that an output manifest names. One of inputs waits until that of outputs asks for it."""
        place = manifest_file(uri)
        project = self._transforming(place)
        if place.side == "input":
            return Translation(project=project.name)
        output = self._manifest(uri)
        pairs = self._pairs(place, output)
        for pair in pairs:
            _refuse_foreign(project, pair.input, pair.output)
        self.queue.send(pairs)
        return Translation(project=project.name, announced=len(pairs))

    def pair(self, pair: TransformPair) -> Translation:
        """Translate one object of a batch transform. Memory does not grow with it where it holds a record a line."""
        place = manifest_file(pair.manifest)
        project = self._transforming(place)
        _refuse_foreign(project, pair.input, pair.output)
        captures, files = 0, []
        for part, (count, data) in enumerate(_batches(self._records(pair, place), self.file_bytes), start=1):
            file = place.capture_file(pair.output, part)
            self.sources.write(file, data)
            files.append(file.uri)
            captures += count
        return Translation(project=project.name, captures=captures, files=tuple(files))

    def inference(self, inference: AsyncInference) -> Translation:
        """Translate what an asynchronous endpoint told. A failure has an input and no output, and is put away by ingest
        with its reason."""
        project = self._answering(inference)
        places = [each for each in (inference.input, inference.output) if each is not None]
        _refuse_foreign(project, *places)
        names = (inference.endpoint, inference.inference_id or "", inference.output or inference.failure or "")
        line = record_line(
            event_id_of(*names),
            inference.at,
            self._input(inference),
            self._whole_output(inference.output, inference.output_type) if inference.output else None,
            inference_id=inference.inference_id,
            custom_attributes=[failure_attribute(inference.failure)] if inference.failure else (),
        )
        file = self._async_file(project, inference, content_id(*names)[:24])
        self.sources.write(file, line)
        return Translation(project=project.name, captures=1, files=(file.uri,), failed=int(bool(inference.failure)))

    def _transforming(self, place: ManifestFile) -> Project:
        project = self.projects.get(place.project)
        if project is None or place.bucket != self.bucket:
            known = ", ".join(sorted(self.projects))
            raise CaptureError(f"{place.uri}: no project is named {place.project!r} (projects: {known})")
        if not project.sources.transform:
            raise ConfigurationError(
                f"{place.uri}: project {project.name} reads no batch transforms: set sources.transform",
                field="sources.transform",
            )
        return project

    def _answering(self, inference: AsyncInference) -> Project:
        for each in self.projects.values():
            if each.endpoint_name.lower() == inference.endpoint.lower() and each.sources.async_topics:
                return each
        raise ConfigurationError(
            f"no project that listens to an asynchronous endpoint has the endpoint {inference.endpoint}: set "
            "sources.async_topics",
            field="sources.async_topics",
        )

    def _manifest(self, uri: str) -> Manifest:
        return read_manifest(uri, self._limited(uri, self.sources.open(uri).blocks))

    def _pairs(self, place: ManifestFile, output: Manifest) -> tuple[TransformPair, ...]:
        """By the input manifests of the same hour, or else of its neighbours too."""
        inputs: list[Manifest] = []
        for folder in place.inputs():
            inputs += [self._manifest(each) for each in self.sources.under(folder)]
            pairs = pair_up(output, inputs)
            if pairs is not None:
                return pairs
        raise RetryableError(f"{place.uri}: no input manifest names its {len(output.names):,} inputs, yet")

    def _records(self, pair: TransformPair, place: ManifestFile) -> Iterator[bytes]:
        source = self.sources.open(pair.input)
        kind = type_of_object(pair.input, source.content_type)
        shape = shape_of(kind, lines_of(source.blocks), lines_of(self.sources.open(pair.output).blocks))
        for index, (data, answer) in enumerate(self._joined(pair, shape)):
            yield record_line(
                event_id_of(pair.manifest, pair.output, str(index)),
                answer.at or place.at,
                Payload(data=data, content_type=kind),
                answer.payload,
                inference_id=answer.inference_id,
            )

    def _joined(self, pair: TransformPair, shape: Shape) -> Iterator[tuple[bytes, Answer]]:
        inputs, outputs = self.sources.open(pair.input), self.sources.open(pair.output)
        if shape == WHOLE:
            answer = self._limited(pair.output, outputs.blocks)
            payload = Payload(data=answer, content_type=type_of_output(answer, outputs.content_type))
            yield self._limited(pair.input, inputs.blocks), Answer(payload=payload)
            return
        for line, answer in zip(lines_of(inputs.blocks), lines_of(outputs.blocks), strict=True):
            yield line, read_answer(answer, outputs.content_type, line if shape.repeats else b"")

    def _input(self, inference: AsyncInference) -> Payload | None:
        """What failed may have failed for the want of it."""
        if inference.input is None:
            return None
        try:
            source = self.sources.open(inference.input)
        except NotFoundError:
            if inference.failure is None:
                raise
            return None
        kind = inference.input_type or type_of_object(inference.input, source.content_type)
        return Payload(data=self._limited(inference.input, source.blocks), content_type=kind)

    def _whole_output(self, uri: str, content_type: str) -> Payload:
        source = self.sources.open(uri)
        data = self._limited(uri, source.blocks)
        return Payload(data=data, content_type=content_type or type_of_output(data, source.content_type))

    def _limited(self, uri: str, blocks: Iterable[bytes]) -> bytes:
        data = bytearray()
        for block in blocks:
            data += block
            if len(data) > self.side_bytes:
                raise CaptureError(
                    f"{uri} holds more than {self.side_bytes:,} bytes, too much for one capture. Input and output of a "
                    "batch transform are joined by line when they have as many: use SplitType and AssembleWith Line",
                    field=uri,
                )
        return bytes(data)

    def _async_file(self, project: Project, inference: AsyncInference, digest: str) -> CaptureFile:
        variant = asynchronous.VARIANT
        key = f"{project.name}/{inference.endpoint}/{variant}/{inference.at:%Y/%m/%d/%H}/{digest}.jsonl"
        return CaptureFile(
            project=project.name, endpoint=inference.endpoint, variant=variant, bucket=self.bucket, key=key
        )


def _refuse_foreign(project: Project, *uris: str) -> None:
    """Who writes a manifest or a message says what is read; the project's owner has said where that may lie."""
    for uri in uris:
        bucket = uri.removeprefix("s3://").partition("/")[0]
        if not uri.startswith("s3://") or bucket not in project.sources.buckets:
            allowed = ", ".join(project.sources.buckets)
            raise ConfigurationError(
                f"{uri} is in none of the buckets of project {project.name} ({allowed}): add it to sources.buckets",
                field="sources.buckets",
            )


def _batches(records: Iterable[bytes], enough: int) -> Iterator[tuple[int, bytes]]:
    """Files of about `enough` bytes: how many records, and the records."""
    waiting: list[bytes] = []
    size = 0
    for each in records:
        waiting.append(each)
        size += len(each)
        if size >= enough:
            yield _batch(waiting)
            waiting, size = [], 0
    if waiting:
        yield _batch(waiting)


def _batch(records: Sequence[bytes]) -> tuple[int, bytes]:
    return len(records), b"".join(records)
