"""Which versions keep their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from trueup.dataset.history import ancestry, first_parents, parents_of
from trueup.model import DatasetPolicy, DatasetVersion, Record

# Nothing younger is collected: a commit writes its segments before its head, and must find them there.
SAFETY_AGE = timedelta(hours=24)
# Commits that began this much later than what is collected was written are not made any more: clocks differ.
CLOCKS_APART = timedelta(hours=1)


class Kept(Record, frozen=True, kw_only=True):
    """A version that keeps its content, and why, in words an operator reads."""

    version_id: str
    number: int
    why: str


def kept_versions(
    versions: Sequence[DatasetVersion],
    heads: Mapping[str, DatasetVersion],
    named: Mapping[str, str],
    policy: DatasetPolicy,
    now: datetime,
) -> list[Kept]:
    """Of all versions (newest first) those that keep their content. `named` are those that do so whatever the policy
    says, by id, with the reason. Parents of kept ones are kept too: what a version changed can be told then, and taken
    back."""
    why = {each.version_id: f"head of {branch}" for branch, each in heads.items()} | dict(named)
    for branch, head in heads.items():
        for each in _by_policy(head, versions, policy, now):
            why.setdefault(each.version_id, f"on {branch}")
    for name in _lately_heads(versions, now):
        why.setdefault(name, "lately a head")
    for each in [each for each in versions if each.version_id in why]:
        for parent in parents_of(each):
            why.setdefault(parent, f"before v{each.number}")
    return [
        Kept(version_id=each.version_id, number=each.number, why=why[each.version_id])
        for each in versions
        if each.version_id in why
    ]


def _by_policy(
    head: DatasetVersion, versions: Sequence[DatasetVersion], policy: DatasetPolicy, now: datetime
) -> Iterator[DatasetVersion]:
    if policy.keep_versions is None and policy.keep_days is None:
        yield from ancestry([head], versions)
    if policy.keep_versions is not None:
        yield from islice(first_parents(head, versions), policy.keep_versions)
    if policy.keep_days is not None:
        oldest = now - timedelta(days=policy.keep_days)
        yield from (each for each in ancestry([head], versions) if each.created_at >= oldest)


def _lately_heads(versions: Iterable[DatasetVersion], now: datetime) -> Iterator[str]:
    """Those that were made, or made parents, within the safety age: somebody may still work on them."""
    for each in versions:
        if now - each.created_at < SAFETY_AGE:
            yield from (each.version_id, *parents_of(each))
