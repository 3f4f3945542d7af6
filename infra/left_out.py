"""What libraries do at their import that a function never asks for, left out of its package.

It is help for people and one protocol that nothing here speaks, and costs a tenth of a first answer. Each is a file of
its own, in whose place stands what the library's other files import of it (docs/adr/0007-first-answers.md).
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
_WRITTEN_INSTEAD: Mapping[str, str] = {
    # An HTML parser and what writes the help of a client's methods out of the descriptions' prose.
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": _DOCSTRINGS,
    # The docstrings of what is written in C.
    "numpy/_core/_add_newdocs.py": "",
    "numpy/_core/_add_newdocs_scalars.py": "",
    # HTTP/2, which has to be switched on; to do so it asks what is installed.
    "urllib3/http2/__init__.py": "",
}


def leave_out(package: Path) -> None:
    """Write the short form of each such file into a package that has its library.

    Raises ConfigurationError when the library is there and the file is not: a new version is put together otherwise.
    """
    for place, text in _WRITTEN_INSTEAD.items():
        path = package / place
        if path.is_file():
            # uv links files to its cache, and to every environment that it makes out of it.
            path.unlink()
            path.write_text(text)
        elif (package / place.partition("/")[0]).is_dir():
            raise ConfigurationError(f"{place} is no file of its library any more: see infra/left_out.py")
