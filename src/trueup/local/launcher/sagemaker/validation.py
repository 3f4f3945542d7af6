"""Requests and answers against botocore's service model: required members, types, patterns, enums, bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session

from trueup.local.launcher.sagemaker.errors import AwsError


@cache
def service_model() -> Any:
    return botocore.session.Session().get_service_model("sagemaker")


def check_request(operation: str, request: dict[str, Any]) -> None:
    """Raises ValidationException with every problem, or UnknownOperationException."""
    model = service_model()
    if operation not in model.operation_names:
        raise AwsError("UnknownOperationException", f"SageMaker has no operation {operation}")
    shape = model.operation_model(operation).input_shape
    problems = _problems(shape, request, "") if shape is not None else []
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise AwsError("ValidationException", f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def check_answer(operation: str, answer: dict[str, Any]) -> None:
    """Raises AssertionError when the stand-in answers what SageMaker would not: a defect of ours."""
    shape = service_model().operation_model(operation).output_shape
    problems = _problems(shape, answer, "") if shape is not None else []
    if problems:
        raise AssertionError(f"{operation} answered wrongly: {'; '.join(problems)}")


def _problems(shape: Any, value: Any, path: str) -> list[str]:
    kind = _KINDS.get(shape.type_name)
    if kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and bool not in kind)):
        return [f"Value at '{path}' must be of type {shape.type_name}"]
    check: Callable[[Any, Any, str], list[str]] = _CHECKS.get(shape.type_name, _check_nothing)
    return check(shape, value, path)


def _check_structure(shape: Any, value: dict[str, Any], path: str) -> list[str]:
    found = [
        f"Value null at '{_join(path, each)}' failed to satisfy constraint: Member must not be null"
        for each in shape.required_members
        if value.get(each) is None
    ]
    for name, inner in value.items():
        if name not in shape.members:
            found.append(f"Unknown parameter '{_join(path, name)}'")
        elif inner is not None:
            found += _problems(shape.members[name], inner, _join(path, name))
    return found


def _check_list(shape: Any, value: list[Any], path: str) -> list[str]:
    found = _check_length(shape, value, path)
    for index, each in enumerate(value):
        found += _problems(shape.member, each, f"{path}.{index + 1}.member")
    return found


def _check_map(shape: Any, value: dict[str, Any], path: str) -> list[str]:
    found = _check_length(shape, value, path)
    for key, each in value.items():
        found += _problems(shape.key, key, f"{path}.key") + _problems(shape.value, each, f"{path}.{key}")
    return found


def _check_string(shape: Any, value: str, path: str) -> list[str]:
    found = _check_length(shape, value, path)
    if shape.enum and value not in shape.enum:
        found.append(_wrong(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        found.append(_wrong(value, path, f"Member must satisfy regular expression pattern: {pattern}"))
    return found


def _check_number(shape: Any, value: float, path: str) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    found = []
    if least is not None and value < least:
        found.append(_wrong(value, path, f"Member must have value greater than or equal to {least}"))
    if most is not None and value > most:
        found.append(_wrong(value, path, f"Member must have value less than or equal to {most}"))
    return found


def _check_length(shape: Any, value: Any, path: str) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    found = []
    if least is not None and len(value) < least:
        found.append(_wrong(value, path, f"Member must have length greater than or equal to {least}"))
    if most is not None and len(value) > most:
        found.append(_wrong(value, path, f"Member must have length less than or equal to {most}"))
    return found


def _check_nothing(_shape: Any, _value: Any, _path: str) -> list[str]:
    return []


_KINDS: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
}
_CHECKS: dict[str, Callable[[Any, Any, str], list[str]]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "integer": _check_number,
    "long": _check_number,
    "float": _check_number,
    "double": _check_number,
}


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Java's classes are nearly Python's; a pattern that Python cannot read is not checked."""
    try:
        return re.compile(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s").replace(r"\p{M}", ""))
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _wrong(value: Any, path: str, constraint: str) -> str:
    return f"Value '{str(value)[:80]}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    """SageMaker writes members in lower camel case in its messages."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
