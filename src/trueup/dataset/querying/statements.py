"""The SQL that leads from what segments say to what versions hold: the same for DuckDB and Athena."""

from __future__ import annotations

from trueup.dataset.querying.columns import SAMPLES

_COLUMNS = ", ".join(each.name for each in SAMPLES)
# Of the lines that a version's segments have for a sample the last one holds; one that takes it out hides it.
SAMPLES_OF_VERSIONS = f"""SELECT project, version, version_id, branch, {_COLUMNS} FROM (
  SELECT v.version, v.version_id, v.branch, l.*,
         row_number() OVER (PARTITION BY v.project, v.version, l.sample_id ORDER BY v.position DESC) AS place
  FROM versions v JOIN lines l ON v.project = l.project AND v.segment = l.segment
) WHERE place = 1 AND NOT removed"""  # noqa: S608 - names of ours


def found_by(condition_sql: str, limit: int | None = None) -> str:
    """Every column of the samples that a condition (in SQL) holds for, by sample id."""
    end = f" LIMIT {limit}" if limit is not None else ""
    return f"SELECT {_COLUMNS} FROM samples WHERE {condition_sql} ORDER BY sample_id{end}"  # noqa: S608 - built by `where`
