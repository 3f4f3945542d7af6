"""YAML, read by PyYAML where it is installed."""

from __future__ import annotations

from typing import Any

from trueup.errors import InputError


def read_yaml(text: str, name: str) -> dict[str, Any]:
    """A mapping of plain values; nothing in it is run. Raises InputError."""
    try:
        import yaml
    except ImportError as error:
        raise InputError(f"{name} is read by PyYAML: pip install 'trueup[yaml]'") from error
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{name} is no YAML: {error}", field=name) from error
    if not isinstance(found, dict):
        raise InputError(f"{name} holds no names with values", field=name)
    return found
