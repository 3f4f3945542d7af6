"""What versions hold as tables of Athena: who copies it, the catalog, and a workgroup that asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk.aws_athena import CfnWorkGroup
from aws_cdk.aws_glue import CfnDatabase, CfnTable
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import FedFunction
from infra.constructs.loop_function import LoopFunction
from infra.constructs.platform import Platform
from trueup.dataset.querying.columns import LINES, SAMPLES, VERSIONS, Column
from trueup.dataset.querying.statements import SAMPLES_OF_VERSIONS
from trueup.settings import ATHENA_ANSWERS, TableCopySettings, copies_of

_TIMEOUT = Duration.minutes(5)
HEARD = ("VersionCommitted", "SamplesForgotten")
_MOST_BYTES_SCANNED = 100 * 1024**3
_HIVE = {"varchar": "string", "varchar[]": "array<string>"}
_TRINO = {"varchar[]": "array(varchar)", "timestamp": "timestamp(3)"}
_WHICH = (
    Column(name="project", kind="text"),
    Column(name="version", kind="whole"),
    Column(name="version_id", kind="text"),
    Column(name="branch", kind="text"),
)
_PARQUET = CfnTable.StorageDescriptorProperty(
    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serde_info=CfnTable.SerdeInfoProperty(
        serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    ),
)
_JSON = CfnTable.StorageDescriptorProperty(
    input_format="org.apache.hadoop.mapred.TextInputFormat",
    output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    serde_info=CfnTable.SerdeInfoProperty(serialization_library="org.openx.data.jsonserde.JsonSerDe"),
)


class SampleTables(FedFunction):
    """`functions/table_copy` with its queue, a Glue database of `lines`, `versions` and the view `samples`, and an
    Athena workgroup whose results are encrypted and which refuses to scan more than 100 GB."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform) -> None:  # noqa: A002
        super().__init__(scope, id, platform=platform, queue="Copy", timeout=_TIMEOUT)
        for each in HEARD:
            self.hears(each, [each])
        self.function = self._function()
        self.database = f"trueup_{platform.config.stage.replace('-', '_')}"
        catalog = CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=CfnDatabase.DatabaseInputProperty(name=self.database, description="Dataset versions"),
        )
        for table in (
            self._table("lines", LINES, _PARQUET),
            self._table("versions", VERSIONS, _JSON),
            self._view(),
        ):
            table.add_dependency(catalog)
        self.workgroup = f"trueup-{platform.config.stage}"
        self._workgroup()

    def _function(self) -> LoopFunction:
        platform = self.platform
        bucket, copies = (
            platform.dataset.bucket_arn,
            [copies_of(each.name) for each in platform.config.projects],
        )
        return self.works(
            "TableCopy",
            name="table_copy",
            settings=TableCopySettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[
                grant.read_table(platform.table.table_arn),
                grant.read_objects(bucket),
                grant.write_objects(bucket, "tables/"),
                grant.list_bucket(bucket),
                # Of a copy that is made again nothing older stays.
                grant.list_versions(bucket, [f"{each}*" for each in copies]),
                grant.delete_versions(bucket, copies),
                grant.note_failures(platform.table.table_arn),
            ],
            memory_mb=1769,
            max_concurrency=2,
        )

    def _table(self, name: str, columns: Sequence[Column], form: CfnTable.StorageDescriptorProperty) -> CfnTable:
        place = f"s3://{self.platform.dataset.bucket_name}/tables/{name}/"
        names = ",".join(each.name for each in self.platform.config.projects)
        return CfnTable(
            self,
            name.capitalize(),
            catalog_id=Stack.of(self).account,
            database_name=self.database,
            table_input=CfnTable.TableInputProperty(
                name=name,
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "projection.enabled": "true",
                    "projection.project.type": "enum",
                    "projection.project.values": names,
                    "storage.location.template": f"{place}project=${{project}}/",
                },
                partition_keys=[CfnTable.ColumnProperty(name="project", type="string")],
                storage_descriptor=CfnTable.StorageDescriptorProperty(
                    location=place,
                    columns=_hive(columns),
                    input_format=form.input_format,
                    output_format=form.output_format,
                    serde_info=form.serde_info,
                ),
            ),
        )

    def _view(self) -> CfnTable:
        """As Athena itself keeps one ("Presto View")."""
        columns = (*_WHICH, *SAMPLES)
        text = {
            "originalSql": SAMPLES_OF_VERSIONS,
            "catalog": "awsdatacatalog",
            "schema": self.database,
            "columns": [{"name": each.name, "type": _TRINO.get(each.sql, each.sql)} for each in columns],
        }
        encoded = base64.b64encode(json.dumps(text).encode()).decode()
        return CfnTable(
            self,
            "Samples",
            catalog_id=Stack.of(self).account,
            database_name=self.database,
            table_input=CfnTable.TableInputProperty(
                name="samples",
                table_type="VIRTUAL_VIEW",
                parameters={"presto_view": "true", "comment": "Presto View"},
                view_original_text=f"/* Presto View: {encoded} */",
                view_expanded_text="/* Presto View */",
                partition_keys=[],
                storage_descriptor=CfnTable.StorageDescriptorProperty(
                    columns=_hive(columns), location="", serde_info=CfnTable.SerdeInfoProperty()
                ),
            ),
        )

    def _workgroup(self) -> None:
        encryption = CfnWorkGroup.EncryptionConfigurationProperty(
            encryption_option="SSE_KMS", kms_key=self.platform.key.key_arn
        )
        CfnWorkGroup(
            self,
            "WorkGroup",
            name=self.workgroup,
            recursive_delete_option=True,
            work_group_configuration=CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=_MOST_BYTES_SCANNED,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self.platform.dataset.bucket_name}/{ATHENA_ANSWERS}",
                    encryption_configuration=encryption,
                ),
            ),
        )


def _hive(columns: Sequence[Column]) -> list[CfnTable.ColumnProperty]:
    return [CfnTable.ColumnProperty(name=each.name, type=_HIVE.get(each.sql, each.sql)) for each in columns]
