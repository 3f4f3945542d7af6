"""Where a project's things are, as lineage names them."""

from __future__ import annotations

from trueup.model import Project, Record


class Whereabouts(Record, frozen=True, kw_only=True):
    """Where a project's things are. `namespace` is that of its OpenLineage jobs, `sagemaker` what the ARNs of its
    account and Region in SageMaker begin with."""

    stage: str
    project: Project
    namespace: str
    dataset_bucket: str
    captures_bucket: str
    sagemaker: str

    @property
    def name(self) -> str:
        return self.project.name

    @property
    def uri(self) -> str:
        """A name for what has no address."""
        return f"trueup://{self.stage}/{self.name}"

    @property
    def endpoint(self) -> str:
        """The ARN of the endpoint, which SageMaker writes in small letters."""
        return f"{self.sagemaker}:endpoint/{self.project.endpoint_name.lower()}"

    def training_output(self, job: str) -> str:
        return f"s3://{self.dataset_bucket}/{self.name}/training/{job}/output/model.tar.gz"

    def evaluation(self, run: str) -> str:
        return f"s3://{self.dataset_bucket}/{self.name}/evaluation/{run}"

    def manifest(self, version_id: str, split: str = "train") -> str:
        """What a training job's channel of a frozen version reads."""
        return f"s3://{self.dataset_bucket}/{self.name}/exports/{version_id}/{split}.manifest"
