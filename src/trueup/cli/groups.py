"""Groups of verbs, each made when it is asked for: to make all takes a tenth of a second, and a verb needs one."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import typer
from typer.main import get_group_from_info
from typer.models import TyperInfo

from trueup.cli.exits import VerbGroup


class Verbs(Mapping[str, Any]):
    """Single verbs, then groups of verbs, by name."""

    def __init__(self, single: Mapping[str, Any], groups: Mapping[str, TyperInfo]) -> None:
        self._single = single
        self._groups = groups

    def __getitem__(self, name: str) -> Any:
        return self._single[name] if name in self._single else _made(self._groups[name])

    def __iter__(self) -> Iterator[str]:
        return iter((*self._single, *self._groups))

    def __len__(self) -> int:
        return len(self._single) + len(self._groups)


class Root(VerbGroup):
    """What stands behind `trueup`; its groups are said with `add`."""

    groups: ClassVar[dict[str, TyperInfo]] = {}

    def __init__(self, *, commands: Mapping[str, Any], **attributes: Any) -> None:
        super().__init__(commands={}, **attributes)
        self.commands = Verbs(commands, self.groups)  # type: ignore[assignment]

    @classmethod
    def add(cls, group: typer.Typer, name: str, help: str) -> None:  # noqa: A002 - as typer calls it
        cls.groups[name] = TyperInfo(group, name=name, help=help)


@functools.cache
def _made(group: TyperInfo) -> Any:
    return get_group_from_info(group, pretty_exceptions_short=True, suggest_commands=True, rich_markup_mode=None)
