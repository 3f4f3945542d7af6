"""Run events: that a run of a job began or ended, and what it read and wrote. Spec 2-0-2, OpenLineage.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

from trueup.lineage.openlineage.facets import PRODUCER, Document, LeftOut, Part, facets

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
# Of all run ids: the same run of the same job has the same id, wherever and however often it is told of.
_RUNS = UUID("6f2a3b1e-3f0c-5a6e-9d55-2c1f0a7c4e11")
State = Literal["START", "COMPLETE", "FAIL", "OTHER"]


class Run(Part, frozen=True, kw_only=True):
    run_id: str
    facets: Mapping[str, Document] = {}


class Job(Part, frozen=True, kw_only=True):
    namespace: str
    name: str
    facets: Mapping[str, Document] = {}


class Dataset(Part, frozen=True, kw_only=True):
    """`input_facets` are told of one that is read, `output_facets` of one that is written."""

    namespace: str
    name: str
    facets: Mapping[str, Document] = {}
    input_facets: Mapping[str, Document] = {}
    output_facets: Mapping[str, Document] = {}


class RunEvent(Part, frozen=True, kw_only=True, omit_defaults=False):
    event_type: State
    event_time: datetime
    run: Run
    job: Job
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    producer: str = PRODUCER
    schema_url: str = msgspec.field(default=SCHEMA, name="schemaURL")

    @property
    def label(self) -> str:
        """In a sentence about it."""
        return f"{self.event_type} of {self.job.name}"


def run_id(namespace: str, job: str, *parts: str) -> str:
    """A UUID that depends on these names alone."""
    return str(uuid5(_RUNS, "\0".join((namespace, job, *parts))))


def encoded(event: RunEvent) -> bytes:
    """Its JSON; equal events give equal bytes."""
    return msgspec.json.encode(event, order="deterministic")


def fitting(event: RunEvent, most_bytes: int) -> RunEvent:
    """The event in at most so many bytes: its largest facets are left out, and a facet of the run says which and why.
    What identifies run, job and datasets stays, so one that is too large by these alone remains too large."""
    if len(encoded(event)) <= most_bytes:
        return event
    document: Document = msgspec.to_builtins(event)
    sized = sorted(_facets_in(document), key=lambda each: -len(msgspec.json.encode(each[0][each[1]])))
    gone: list[str] = []
    for holder, name, where in sized:
        del holder[name]
        gone.append(where)
        note = LeftOut(reason=f"the event would be larger than {most_bytes:,} bytes", facets=gone)
        document["run"].setdefault("facets", {}).update(facets(note))
        if len(msgspec.json.encode(document)) <= most_bytes:
            break
    return msgspec.convert(document, RunEvent)


def _facets_in(document: Document) -> Iterator[tuple[Document, str, str]]:
    """Each facet: what holds it, its name there, and where that is."""
    places: list[tuple[str, Any]] = [("run", document["run"]), ("job", document["job"])]
    places += [(f"inputs[{index}]", each) for index, each in enumerate(document["inputs"])]
    places += [(f"outputs[{index}]", each) for index, each in enumerate(document["outputs"])]
    for where, holder in places:
        for kind in ("facets", "inputFacets", "outputFacets"):
            for name in list(holder.get(kind, ())):
                yield holder[kind], name, f"{where}.{kind}.{name}"
