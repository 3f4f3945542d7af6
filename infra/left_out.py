"""What libraries do at their import that a function never asks for, left out of its package.

It is help for people and type checkers, protocols that nothing here speaks and patterns that hardly any text needs, and
costs a fifth of a first answer. Some is a file of its own, in whose place stands what the library's other files import
of it; some are a few lines in a file whose rest stays (docs/adr/0007-first-answers.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trueup.errors import ConfigurationError

_DOCSTRINGS = '''"""The help of a client's methods: empty."""


class ClientMethodDocstring(str):
    def __new__(cls, *_args, **_kwargs):
        return super().__new__(cls)


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
'''
_TYPES = '''"""Types for annotations: those that are looked up when a module runs."""

from typing import Any, TypeVar

import numpy as np

_ScalarT = TypeVar("_ScalarT", bound=np.generic)
NDArray = np.ndarray[tuple[Any, ...], np.dtype[_ScalarT]]
ArrayLike = DTypeLike = NBitBase = Any
'''
_RANDOM = '''"""numpy's newer generator and the bits that it is made of, without the older one and its bits."""

from ._generator import Generator, default_rng
from ._pcg64 import PCG64
from .bit_generator import BitGenerator, SeedSequence


class RandomState:
    """The older one. default_rng asks whether a seed is such."""
'''
_WRITTEN_INSTEAD: Mapping[str, str] = {
    # An HTML parser and what writes the help of a client's methods out of the descriptions' prose.
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": _DOCSTRINGS,
    # The docstrings of what is written in C.
    "numpy/_core/_add_newdocs.py": "",
    "numpy/_core/_add_newdocs_scalars.py": "",
    # Every type that numpy's own stubs speak of.
    "numpy/_typing/__init__.py": _TYPES,
    "numpy/_typing/_add_docstring.py": '_docstrings = ""\n',
    # Four libraries of machine code more.
    "numpy/random/__init__.py": _RANDOM,
    # JSON Schema, and what it is made from.
    "msgspec/_json_schema.py": "schema = schema_components = None\n",
    "msgspec/inspect.py": "",
    # Correlation ids that are asked for by paths. The rest of a package needs none of what this imports.
    "aws_lambda_powertools/utilities/jmespath_utils/__init__.py": "",
    # HTTP/2, which has to be switched on; to do so it asks what is installed.
    "urllib3/http2/__init__.py": "",
}
_SELDOM = '''class _Seldom:
    """A pattern for texts with a mark in them, compiled for the first such; for others there is a plain one, or they do
    not match."""

    def __init__(self, mark, whole, plain=None):
        self._mark, self._whole, self._plain = mark, whole, plain and re.compile(plain)

    def _of(self, text):
        return re.compile(self._whole) if self._mark in text else self._plain

    def match(self, text):
        pattern = self._of(text)
        return pattern and pattern.match(text)

    def fullmatch(self, text):
        pattern = self._of(text)
        return pattern and pattern.fullmatch(text)


_IPV6_ADDRZ_RE = _Seldom("[", "^" + _IPV6_ADDRZ_PAT + "$")
_BRACELESS_IPV6_ADDRZ_RE = _Seldom(":", "^" + _IPV6_ADDRZ_PAT[2:-2] + "$")
'''
_HOST_PORT = """_HOST_PORT_RE = _Seldom("[", _HOST_PORT_PAT, _HOST_PORT_PAT.replace("|" + _IPV6_ADDRZ_PAT, ""))
"""
# By file: what is there once, and what stands there instead.
_CHANGED: Mapping[str, Mapping[str, str]] = {
    # Patterns of IPv6, each of which takes milliseconds to compile. No text without a bracket, or a colon where there
    # are no brackets, matches one.
    "urllib3/util/url.py": {
        """_IPV6_RE = re.compile("^" + _IPV6_PAT + "$")
_IPV6_ADDRZ_RE = re.compile("^" + _IPV6_ADDRZ_PAT + "$")
_BRACELESS_IPV6_ADDRZ_RE = re.compile("^" + _IPV6_ADDRZ_PAT[2:-2] + "$")
""": _SELDOM,
        "_HOST_PORT_RE = re.compile(_HOST_PORT_PAT, re.UNICODE | re.DOTALL)\n": _HOST_PORT,
    },
    # For Pythons before 3.11.
    "msgspec/_utils.py": {
        "from typing_extensions import get_type_hints as": "from typing import get_type_hints as",
        "from typing_extensions import NotRequired, Required": "from typing import NotRequired, Required",
    },
}


def leave_out(package: Path) -> None:
    """Write the short form of each such file into a package that has its library.

    Raises ConfigurationError when the library is there and the file or the lines are not: a new version is put together
    otherwise.
    """
    for place, text in _WRITTEN_INSTEAD.items():
        if _is_there(package, place):
            _write(package / place, text)
    for place, changes in _CHANGED.items():
        if _is_there(package, place):
            _write(package / place, _changed(place, (package / place).read_text(), changes))


def _is_there(package: Path, place: str) -> bool:
    if (package / place).is_file():
        return True
    if (package / place.partition("/")[0]).is_dir():
        raise _put_together_otherwise(place)
    return False


def _changed(place: str, text: str, changes: Mapping[str, str]) -> str:
    for before, after in changes.items():
        if text.count(before) != 1:
            raise _put_together_otherwise(place)
        text = text.replace(before, after)
    return text


def _write(path: Path, text: str) -> None:
    # uv links files to its cache, and to every environment that it makes out of it.
    path.unlink()
    path.write_text(text)


def _put_together_otherwise(place: str) -> ConfigurationError:
    return ConfigurationError(f"{place} is not as it was in its library: see infra/left_out.py")
