"""Gold tasks and annotators' standings in DynamoDB."""

from __future__ import annotations

from msgspec.structs import replace

from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Item,
    Key,
    Table,
    Write,
    journal_writes,
    put,
    record_of,
)
from trueup.model import Gold, GoldAnswer, Standing
from trueup.ports import GoldStore, Journal, StandingStore


class DynamoGoldStore(GoldStore):
    """Exposures are counted beside the record, so that two annotators at once are two."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def items(self, project: str) -> list[Gold]:
        return [_gold(each) for each in self._table.query(f"P#{project}#GOLD")]

    def item(self, project: str, gold_id: str) -> Gold | None:
        item = self._table.get(*_key(project, gold_id))
        return _gold(item) if item else None

    def put(self, gold: Gold) -> bool:
        try:
            key = _key(gold.project, gold.gold_id)
            self._table.write([put(key, gold, condition=FRESH, exposures=gold.exposures)])
        except ConditionFailedError:
            return False
        return True

    def remove(self, project: str, gold_id: str) -> None:
        self._table.write([Write(action="Delete", key=_key(project, gold_id))])

    def expose(self, project: str, gold_id: str) -> None:
        counted = Write(
            action="Update",
            key=_key(project, gold_id),
            update="ADD exposures :one",
            condition="attribute_exists(pk)",
            values={":one": 1},
        )
        try:
            self._table.write([counted])
        except ConditionFailedError:
            return

    def record(self, answer: GoldAnswer) -> None:
        key = f"P#{answer.project}#GOLDANSWERS", f"{answer.annotator}#{answer.task_id}"
        self._table.write([put(key, answer)])

    def answers(self, project: str, annotator: str | None = None) -> list[GoldAnswer]:
        prefix = f"{annotator}#" if annotator is not None else ""
        found = self._table.query(f"P#{project}#GOLDANSWERS", prefix=prefix)
        return sorted((record_of(each, GoldAnswer) for each in found), key=lambda each: (each.at, each.task_id))


class DynamoStandingStore(StandingStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def standing(self, project: str, annotator: str) -> Standing:
        item = self._table.get(f"P#{project}#STANDING", annotator)
        return record_of(item, Standing) if item else Standing(project=project, annotator=annotator)

    def standings(self, project: str) -> list[Standing]:
        return [record_of(each, Standing) for each in self._table.query(f"P#{project}#STANDING")]

    def set_standing(self, standing: Standing, journal: Journal) -> None:
        key = f"P#{standing.project}#STANDING", standing.annotator
        self._table.write([put(key, standing), *journal_writes(journal)])


def _gold(item: Item) -> Gold:
    return replace(record_of(item, Gold), exposures=int(item["exposures"]))


def _key(project: str, gold_id: str) -> Key:
    return f"P#{project}#GOLD", gold_id
