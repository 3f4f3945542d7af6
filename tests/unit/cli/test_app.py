"""What holds for every verb: help, version, exit codes, imports, documentation."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.cli.conftest import FakeDeployed, Terminal
from trueup.cli.app import app
from trueup.cli.console import age, count
from trueup.cli.desk import Desk
from trueup.cli.exits import MEANINGS, Exit
from trueup.errors import (
    ConflictError,
    HeadMovedError,
    InputError,
    IntegrityError,
    NotFoundError,
    PermissionDeniedError,
    RetryableError,
    ServiceError,
    TrueupError,
)

_ROOT = Path(__file__).parents[3]
DOCS = (_ROOT / "docs" / "cli.md").read_text()
PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_READING = {"status", "queue", "lineage show", "doctor", "task list", "task show", "dataset list", "dataset show"} | {
    "lineage models",
    "lineage annotators",
    "lineage between",
    "dataset diff",
    "dataset verify",
    "dataset log",
    "dataset blame",
    "dataset tag",
    "dataset branch",
    "dataset check",
    "retrain list",
    "retrain show",
    "redrive",
    "local status",
    "local env",
}


def verbs(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every verb with its command, as ("dataset show", command)."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
            yield from verbs(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


VERBS = dict(verbs())


def test_help_lists_the_exit_codes(trueup: Terminal) -> None:
    said = trueup("--help").stdout
    for code, text in MEANINGS.items():
        assert f"{code.value}  {text}" in said


@pytest.mark.slow
def test_help_and_version_import_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from trueup.cli.app import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'boto3', 'botocore', 'numpy', 'rich', 'aws_cdk'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    for arguments in (["--help"], ["--version"], ["dataset", "--help"], ["endpoint", "attach", "--help"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_version_is_the_package_s(trueup: Terminal) -> None:
    assert re.fullmatch(r"trueup \d+\.\d+\.\d+\S*\n", trueup("--version").stdout)


@pytest.mark.slow
def test_python_m_trueup_is_trueup() -> None:
    command = [sys.executable, "-m", "trueup", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:7]) == (0, "trueup ")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_and_option_is_documented(verb: str) -> None:
    assert re.search(rf"^### `trueup {verb}[ `]", DOCS, re.MULTILINE), f"docs/cli.md lacks a section on {verb}"
    options = {name for each in VERBS[verb].params for name in each.opts if name.startswith("--")}
    missing = {each for each in options - {"--help"} if f"`{each}" not in DOCS and f"{each} " not in DOCS}
    assert not missing, f"docs/cli.md lacks {missing} of {verb}"


def test_the_documentation_knows_no_other_verbs() -> None:
    documented = set(re.findall(r"^### `trueup ([a-z ]*[a-z])", DOCS, re.MULTILINE))
    assert documented == set(VERBS)


def commands_in(page: Path) -> Iterator[str]:
    """What a page says to type: between backticks, or as a line of a block."""
    for number, part in enumerate(re.split(r"^```.*$", page.read_text(), flags=re.MULTILINE)):
        written = r"^(?:\$ )?trueup ([^|\n]+)" if number % 2 else r"`trueup ([^`]+)`"
        for found in re.finditer(written, part, re.MULTILINE):
            yield " ".join(found[1].partition("  #")[0].split())


@functools.cache
def root() -> Any:
    return typer.main.get_command(app)


def misspelt(command: str) -> str:
    """What of a command there is not; nothing where all is."""
    found, words = root(), command.removeprefix("--stage prod ").split()
    while words and words[0] in getattr(found, "commands", {}):
        found = found.commands[words.pop(0)]  # type: ignore[attr-defined]
    if words and _wants_a_verb(found) and not _may_stand_alone(words[0], found):
        return words[0]
    within = getattr(found, "commands", {}).values()
    known = {
        name for each in (found, *within) for param in each.params for name in (*param.opts, *param.secondary_opts)
    }
    options = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words))
    return " ".join(each for each in options if each not in known | {"--help"})


def _wants_a_verb(found: Any) -> bool:
    return hasattr(found, "commands") and not found.invoke_without_command


def _may_stand_alone(word: str, group: Any) -> bool:
    """An option, or an id that lineage is shown of."""
    return word.startswith("--") or (group.name == "lineage" and re.match(r"[A-Z]+$|v\d|\"?[a-z]+:", word) is not None)


@pytest.mark.parametrize("page", PAGES, ids=lambda each: each.name)
def test_what_the_documents_say_to_type_there_is(page: Path) -> None:
    assert {each: said for each in commands_in(page) if (said := misspelt(each))} == {}


def test_a_verb_or_option_that_there_is_not_is_found() -> None:
    wrong = [
        "dataset import x --branch y",
        "dataset diff a --htm x",
        "lineage nobody",
        "forget --subjct anna",
        "nothing",
    ]
    assert [misspelt(each) for each in wrong] == ["import", "--htm", "nobody", "--subjct", "nothing"]


def test_documented_exit_codes_are_those_there_are() -> None:
    assert [int(each) for each in re.findall(r"^\| (\d) \|", DOCS, re.MULTILINE)] == [each.value for each in Exit]


@pytest.mark.slow
def test_every_verb_helps(trueup: Terminal) -> None:
    for verb, command in VERBS.items():
        result = trueup(*verb.split(), "--help")
        assert result.exit_code == 0
        assert command.help


def test_every_reading_verb_speaks_json() -> None:
    assert set(VERBS) >= _READING
    for verb in _READING:
        assert any("--json" in each.opts for each in VERBS[verb].params), verb


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (IntegrityError("x"), 3),
        (NotFoundError("x"), 4),
        (ConflictError("x"), 5),
        (HeadMovedError("x"), 5),
        (PermissionDeniedError("x"), 6),
        (RetryableError("x"), 6),
        (ServiceError("x"), 6),
    ],
)
def test_errors_become_a_sentence_and_a_code(error: TrueupError, code: int) -> None:
    def fail(stage: str) -> Any:
        raise error

    desk = Desk(connect=fail, diagnose=fail, facts=lambda: fail(""), embedded=lambda: None)
    result = CliRunner().invoke(app, ["status", "--json"], obj=desk)
    assert (result.exit_code, result.stdout) == (code, "")
    assert re.fullmatch(r"trueup: x\n  → .+\n", result.stderr)


@pytest.mark.slow
def test_unexpected_errors_say_how_to_report_them() -> None:
    program = (
        "import dataclasses, sys\n"
        "from trueup.cli import app as module\n"
        "from trueup.cli.desk import Desk\n"
        "def fail(*_):\n    raise KeyError('surprise')\n"
        "module.real_desk = lambda: Desk(connect=fail, diagnose=fail, facts=fail, embedded=fail)\n"
        "sys.argv = ['trueup', 'status']\n"
        "module.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("trueup: unexpected KeyError: 'surprise'\n  → ")
    assert "Traceback" not in done.stderr


def test_wrong_usage(trueup: Terminal) -> None:
    assert trueup("nonsense").exit_code == 2
    assert trueup("task", "list", "--status", "nonsense").exit_code == 2


def test_a_stage_without_a_deployment(trueup: Terminal) -> None:
    result = trueup("--stage", "prod", "status")
    assert result.exit_code == 4
    assert "no trueup deployment of stage 'prod'" in result.stderr


def test_several_projects_ask_for_one(trueup: Terminal, place: FakeDeployed) -> None:
    place.deployed["toys"] = place.deployed["pets"]
    result = trueup("dataset", "show")
    assert result.exit_code == 2
    assert "add --project, or set TRUEUP_PROJECT, with one of pets, toys" in result.stderr


def test_figures_are_written_as_people_write_them() -> None:
    assert [count(1, "task"), count(1204, "task"), count(0, "copy", "copies")] == ["1 task", "1,204 tasks", "0 copies"]
    assert [age(None), age(40), age(119), age(720), age(7200), age(200000)] == [
        "-",
        "40 s",
        "119 s",
        "12 min",
        "2 h",
        "2 d",
    ]


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (("task", "show", "nope"), "trueup task list"),
        (("retrain", "show", "nope"), "trueup retrain list"),
        (("dataset", "show", "v9"), "trueup dataset list"),
        (("dataset", "branch", "nope", "--delete", "--yes"), "trueup dataset branch"),
        (("dataset", "tag", "nope", "--delete", "--yes"), "trueup dataset tag"),
        (("status", "--project", "nope"), "trueup status"),
    ],
)
def test_what_is_not_found_is_told_with_the_verb_that_lists_it(
    trueup: Terminal, words: tuple[str, ...], verb: str
) -> None:
    said = trueup(*words)
    assert (said.exit_code, f"→ {verb} shows what there is" in said.stderr) == (4, True), said.output
