"""What Ground Truth calls before and after people answer, of kinds that it has no built-in task for."""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from infra import grants as grant
from infra.constructs.loop_function import LoopFunction
from infra.constructs.platform import Platform
from trueup.settings import LABELING_PAGES, LabelingGatherSettings, LabelingPrepareSettings, Project


class LabelingFunctions(Construct):
    """`projects` are those with such a kind. `functions` go by their folders."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        projects: Sequence[Project],
    ) -> None:
        super().__init__(scope, id)
        stage, dataset = platform.config.stage, platform.dataset
        prepare = LoopFunction(
            self,
            "Prepare",
            platform=platform,
            name="labeling_prepare",
            settings=LabelingPrepareSettings(stage=stage),
            grants=[],
        )
        gather = LoopFunction(
            self,
            "Gather",
            platform=platform,
            name="labeling_gather",
            settings=LabelingGatherSettings(stage=stage, dataset_bucket=dataset.bucket_name),
            grants=[grant.read_objects(dataset.bucket_arn, f"{each.name}/labeling/") for each in projects],
        )
        self.functions = {"labeling_prepare": prepare, "labeling_gather": gather}
        self.arns = {"prepare": prepare.function.function_arn, "gather": gather.function.function_arn}

    @staticmethod
    def wanted(project: Project) -> bool:
        return project.backend == "ground_truth" and project.label_schema.kind in LABELING_PAGES
