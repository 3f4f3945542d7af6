"""A settled label becomes a line of the dataset."""

from __future__ import annotations

from trueup.dataset.splitting.by_group import split_of
from trueup.model import CommitPolicy, LabelledSample, SettledLabel, pseudonym


def from_settled(label: SettledLabel, policy: CommitPolicy, project: str) -> LabelledSample:
    """The line for a settled label; its split follows from its group."""
    consensus, sample, selection = label.consensus, label.sample, label.selection
    return LabelledSample(
        sample_id=sample.sample_id,
        label=consensus.label,
        split=split_of(sample.group, policy, project),
        group=sample.group,
        content_type=sample.content_type,
        payload_uri=sample.payload_uri,
        posterior=consensus.posterior,
        agreement=consensus.agreement,
        consensus_id=consensus.consensus_id,
        selected_by=selection.strategy if selection else "import",
        propensity=selection.propensity if selection else None,
        labelled_at=consensus.reached_at,
        captured_at=sample.first_seen,
        slice=sample.slice,
        annotators=tuple(sorted({pseudonym(project, each) for each in consensus.annotators})),
        fingerprint=sample.fingerprint,
    )
