"""From the key press to the next task on the screen, in Chromium on the embedded AWS.

    python -m scripts.bench.workbench [--rounds 1]    # after npm run build:web

Writes docs/benchmarks/workbench.md. A deployment of its own with a project of texts and one of photographs; an
annotator signs in and answers by a class's key. The page itself is the clock: milliseconds run from the key event's own
time stamp to the beginning of the frame after the one that painted the next payload, its picture decoded.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from scripts.bench.rounds import BENCHMARKS, ROOT, machine, table
from tests.browser.conftest import FLAGS, SIZE
from tests.browser.pages import Desk, seed
from tests.conftest import ANNOTATORS, DIGITS, PETS, Cloud, hire
from trueup.adapters.aws.clients import Clients
from trueup.local import service
from trueup.wiring.operator import operator

GOAL_MS = 100
OPEN, ANSWERS = 80, 60
_FILE = 40
CLASSES = {"words": 3, "photographs": 10}
# Milliseconds between the next task's paint and the next key: two people who look at it, and nobody at all.
PACES = {"looks for a second": 1000, "looks for 0.4 s": 400, "looks at nothing": 0}
PHOTOGRAPH = (1024, 768)
_STAGE = "bench"
_STATE = ROOT / ".cache" / "bench" / "workbench" / "state"
_PROJECTS = [
    {**made, "name": name, "endpoint_name": name, "selection": {**made["selection"], "budget": {"per_day": 100_000}}}
    for name, made in (("words", PETS), ("photographs", DIGITS))
]

# Independent of what the page notes of itself: it looks at the payload as it stands in the document.
WATCH = """(() => {
  window.presses = [];
  window.taken = {};
  let press = null;
  const payload = () => document.querySelector('.sample .words, .sample img');
  const content = (it) => it && (it.currentSrc || it.src || it.textContent);
  addEventListener('keydown', (event) => {
    const task = document.querySelector('.sample')?.dataset.painted;
    press = { key: event.key, from: event.timeStamp, task, before: content(payload()), waited: false };
    presses.push(press);
  }, true);
  new MutationObserver(async () => {
    const [mine, now] = [press, payload()];
    if (!mine) return;
    if (!now) mine.waited = true;
    if (!now || content(now) === mine.before) return;
    press = null;
    if (now.decode) await now.decode();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      mine.painted = performance.now();
      mine.after = content(now);
    }));
  }).observe(document, { childList: true, subtree: true, characterData: true, attributeFilter: ['src'] });
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) {
      const task = /tasks[/]([^/]+)[/]annotations$/.exec(each.name)?.[1];
      if (task) taken[task] = each.responseEnd;
    }
  }).observe({ type: 'resource', buffered: true });
})()"""
PAINTED = "count => presses.length === count && presses.at(-1).painted"
TAKEN = "() => presses.every((each) => taken[each.task])"
MEASURED = "() => presses.map((each) => ({ ...each, taken: taken[each.task] }))"


@dataclass(frozen=True)
class Press:
    """A key press: milliseconds until the next task was painted, and until the server had taken the answer.
    `waited` where no next task was at hand."""

    shown: float
    taken: float
    waited: bool


@dataclass(frozen=True)
class Pace:
    """All presses of one project at one pace."""

    project: str
    pace: str
    presses: Sequence[Press]

    @property
    def shown(self) -> list[float]:
        return sorted(each.shown for each in self.presses)

    @property
    def taken(self) -> list[float]:
        return sorted(each.taken for each in self.presses)

    @property
    def waits(self) -> int:
        return sum(each.waited for each in self.presses)

    @property
    def met(self) -> bool:
        return statistics.median(self.shown) < GOAL_MS


def words(name: str) -> list[tuple[str, bytes]]:
    """Twenty words each, drawn at random: of texts that are nearly the same one only would be asked about."""
    rng = np.random.default_rng(list(name.encode()))
    syllables = rng.choice(list("bdfgklmnprst"), (OPEN, 20, 3)), rng.choice(list("aeiou"), (OPEN, 20, 3))
    drawn = np.char.add(*syllables)
    return [("text/plain", " ".join("".join(word) for word in text).encode()) for text in drawn]


def photographs(name: str) -> list[tuple[str, bytes]]:
    """Pictures of a camera's size and grain, each another one."""
    rng = np.random.default_rng(list(name.encode()))
    return [("image/jpeg", _photograph(rng)) for _ in range(OPEN)]


def _photograph(rng: np.random.Generator) -> bytes:
    """Soft shapes with detail at every scale, as JPEG."""
    width, height = PHOTOGRAPH
    layers = [_layer(rng, width // scale, height // scale) * scale**0.5 for scale in (256, 64, 16, 4)]
    mixed = sum(layers) / sum(scale**0.5 for scale in (256, 64, 16, 4))
    out = io.BytesIO()
    Image.fromarray(mixed.astype(np.uint8)).save(out, format="JPEG", quality=90)
    return out.getvalue()


def _layer(rng: np.random.Generator, width: int, height: int) -> Any:
    coarse = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return np.asarray(coarse.resize(PHOTOGRAPH, Image.Resampling.BICUBIC), dtype=np.float32)


PAYLOADS = {"words": words, "photographs": photographs}


def visit(cloud: Cloud, browser: Browser, project: str, pause: int, who: str) -> list[Press]:
    """One sitting in a tab of its own. Raises ValueError when an answer was lost, or a task or answer came twice."""
    context = browser.new_context(viewport=SIZE)
    try:
        desk = Desk(cloud, context.new_page())
        desk.page.add_init_script(WATCH)
        desk.enter(project, who)
        desk.page.wait_for_timeout(3000)
        desk.page.evaluate("presses.length = 0")
        for number in range(ANSWERS):
            _answer(desk, str(1 + number % CLASSES[project]) if project == "words" else str(number % 10), pause)
        desk.page.wait_for_function(TAKEN, timeout=120_000)
        measured = desk.page.evaluate(MEASURED)
        _check(desk, project, measured)
    finally:
        context.close()
    return [Press(each["painted"] - each["from"], each["taken"] - each["from"], each["waited"]) for each in measured]


def _answer(desk: Desk, key: str, pause: int) -> None:
    now, count = desk.ready(), desk.page.evaluate("presses.length")
    desk.press(key)
    desk.page.wait_for_function(PAINTED, arg=count + 1, timeout=60_000)
    desk.ready(but=now)
    if pause:
        desk.page.wait_for_timeout(pause)


def _check(desk: Desk, project: str, measured: Sequence[Mapping[str, Any]]) -> None:
    """Every press is one answer in the table, and every one brought another payload."""
    for each in measured:
        if desk.labels(project, each["task"]) != [(_label(project, each["key"]), False)]:
            raise ValueError(f"{each['task']} holds {desk.labels(project, each['task'])} after the key {each['key']}")
    if len({each["task"] for each in measured}) != ANSWERS or len({each["after"] for each in measured}) != ANSWERS:
        raise ValueError("a task was shown twice")
    if desk.complaints:
        raise ValueError(f"the page complained: {desk.complaints}")


def _label(project: str, key: str) -> str:
    return PETS["label_schema"]["classes"][int(key) - 1]["name"] if project == "words" else key


def measure(cloud: Cloud, browser: Browser, rounds: int) -> tuple[list[Pace], list[float]]:
    """Every project at every pace once a round, and the machine's load after each."""
    loads: list[float] = []
    found: dict[tuple[str, str], list[Press]] = {(each, pace): [] for pace in PACES for each in PAYLOADS}
    for number in range(rounds):
        for project, pace in found:
            name = f"{project}-{number}-{PACES[pace]}"
            _open(cloud, project, name)
            presses = visit(cloud, browser, project, PACES[pace], ANNOTATORS[number % len(ANNOTATORS)])
            found[project, pace] += presses
            loads.append(os.getloadavg()[0])
            print(f"round {number + 1}: {_row(Pace(project, pace, presses))}, load {loads[-1]:.1f}", flush=True)
    return [Pace(*names, presses) for names, presses in found.items()], loads


def _open(cloud: Cloud, project: str, name: str) -> None:
    """In several files: of one, 8 MB of candidates are weighed (trueup.selection.choose)."""
    payloads = PAYLOADS[project](name)
    for start in range(0, OPEN, _FILE):
        seed(cloud, project, f"{name}-{start}", payloads[start : start + _FILE])


def _row(found: Pace) -> list[str]:
    shown, taken = found.shown, found.taken
    late = int(0.95 * len(shown))
    figures = [statistics.median(shown), shown[late], shown[-1], statistics.median(taken), taken[late], taken[-1]]
    return [f"{found.project}, {found.pace}", *(f"{each:.0f}" for each in figures), f"{found.waits}"]


HEAD = ["project, annotator", "median ms", "95 %", "most", "taken, median ms", "taken, 95 %", "taken, most", "waited"]


def page(found: Sequence[Pace], rounds: int, version: str, loads: Sequence[float]) -> str:
    goals = [
        [f"{each.project}, {each.pace}", f"{statistics.median(each.shown):.0f} ms", f"{GOAL_MS} ms", _said(each.met)]
        for each in found
    ]
    return f"""# From a key to the next task

`python -m scripts.bench.workbench`, {rounds} x {ANSWERS} answers in each row. {machine()}; headless Chromium {version}
without a GPU. Chromium and the embedded AWS share these cores with whatever else runs: the machine's load after each
sitting was {min(loads):.1f} to {max(loads):.1f}.

An annotator has signed in to the workbench on the embedded AWS, with the page, the API and the payloads served as they
are to people, and answers by a class's key. Texts have twenty words; photographs are JPEG files of {PHOTOGRAPH[0]} by
{PHOTOGRAPH[1]} pixels. The clock is the page's own. It runs from the key event's time stamp to the beginning of the
frame that follows the one which painted the next task's payload, text in the document or picture decoded: the frame
of the painting itself (17 ms at 60 a second) is in every figure. Taken is when the server's answer to the submission
has come, counted from the same key; waited is how often no next task was at hand. Two annotators look at each task for
a while; the third presses a key as soon as the page takes one, which nobody does who reads: those rows tell how fast
tasks come out of the embedded AWS rather than how fast the page is. Every press must be one answer in the table, with
the key's label, and must bring another payload: otherwise the bench ends with an error.

{table(HEAD, [_row(each) for each in found])}

| from a key to the next task, median | reached | goal | met |
| --- | ---: | ---: | ---: |
{chr(10).join(f"| {' | '.join(row)} |" for row in goals)}
"""


def _said(met: bool) -> str:
    return "yes" if met else "no"


@contextmanager
def deployed() -> Iterator[Cloud]:
    """The embedded AWS with both projects, IAM enforced, and annotators hired; forgotten afterwards."""
    service.reset(_STATE)
    _STATE.parent.mkdir(parents=True, exist_ok=True)
    config = _STATE.parent / "deployment.json"
    config.write_text(json.dumps({"stage": _STAGE, "removal_policy": "destroy", "projects": _PROJECTS}))
    options = service.Options(root=ROOT, state=_STATE, config=config, attached=True, auth=True)
    running = service.up(options, print)
    try:
        os.environ.update(service.aws_environment(running))
        look = operator(_STAGE, Clients())
        for name in ANNOTATORS:
            hire(look, name)
        yield Cloud(operator=look, workbench_url=running.workbench_url)
    finally:
        service.reset(options.state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="sittings of each annotator in each project")
    rounds = parser.parse_args().rounds
    with deployed() as cloud, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        found, loads = measure(cloud, browser, rounds)
        version = browser.version
        browser.close()
    (BENCHMARKS / "workbench.md").write_text(page(found, rounds, version, loads))


if __name__ == "__main__":
    main()
