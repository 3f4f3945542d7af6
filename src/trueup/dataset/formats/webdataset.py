"""WebDataset: tar files of one split each, in which the files of a sample bear its id and stand together.

https://github.com/webdataset/webdataset : a sample's name ends at the first dot; what follows says how it is decoded.
`.cls` is a class's place among the classes, `.json` what the label says, with where it came from.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

import msgspec

from trueup.dataset.exporting import EVERY_KIND, INPUTS, ExportedFile, ExportRequest, Peekable, fits_none, label_of
from trueup.dataset.images import mask_png
from trueup.dataset.pictures import suffix_of
from trueup.model import LabelledSample, Payload

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = ""
READERS = "webdataset, `datasets` (inputs of one type), SageMaker fast file mode"
CUT = INPUTS
_BLOCK = tarfile.BLOCKSIZE


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    for split in request.splits:
        samples = Peekable(request.loaded(request.of(split)))
        number = 0
        while samples or number == 0:
            yield ExportedFile(f"{request.named(split)}-{number:06d}.tar", _shard(request, samples))
            number += 1


def _shard(request: ExportRequest, samples: Peekable[tuple[LabelledSample, Payload]]) -> Iterator[bytes]:
    size = 0
    while samples and size < request.shard_bytes:
        sample, payload = next(samples)
        for suffix, data in _members(request, sample, payload):
            yield _header(sample.sample_id + suffix, len(data))
            yield data
            yield bytes(-len(data) % _BLOCK)
            size += len(data) + _BLOCK
    yield bytes(2 * _BLOCK)


def _members(request: ExportRequest, sample: LabelledSample, payload: Payload) -> Iterator[tuple[str, bytes]]:
    """The input, the label, and what else is known; an input that is JSON is not taken for the label."""
    suffix = suffix_of(payload)
    yield (".input.json" if suffix == ".json" else suffix), payload.data
    label = label_of(sample, request.schema)
    told = {
        "label": msgspec.json.decode(label) if label.startswith("{") else label,
        "group": sample.group,
        "content_type": sample.content_type,
        "weight": sample.weight,
        "posterior": sample.posterior,
    }
    if not fits_none(sample):
        yield from _decoded(request, sample, label)
    yield ".json", msgspec.json.encode(told)


def _decoded(request: ExportRequest, sample: LabelledSample, label: str) -> Iterator[tuple[str, bytes]]:
    if request.schema.kind == "classification":
        yield ".cls", str(request.schema.names.index(label)).encode()
    if request.schema.kind == "mask":
        yield ".mask.png", mask_png(request, sample)


def _header(name: str, size: int) -> bytes:
    """Of nobody and of no time: the same version makes the same bytes."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)
