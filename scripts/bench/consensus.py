"""Labels out of answers, and how far annotators agree: ours beside crowd-kit, cleanlab and krippendorff.

    python -m scripts.bench.consensus [--rounds 3] [--write]

The peers live in an environment of their own under .cache/bench, made at the first run; each contender runs in a
process of its own, in turn. All start from the same columns of numbers, or from what the peer wants instead, made
before the clock starts: data frames for crowd-kit and cleanlab, value counts or a matrix for krippendorff. Our time
includes sorting the columns. Seconds are of CPU. cleanlab is asked for consensus labels and their quality, by its
default method, CROWDLAB.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.crowds import Array, Crowd, ease_crowd, matrix_crowd
from scripts.bench.rounds import BENCHMARKS, ROOT, Figures, interleaved, machine, ratio, table

_FOLDER = ROOT / ".cache" / "bench" / "consensus"
_PYTHON = _FOLDER / "peers" / "bin" / "python"
_PEERS = ("crowd-kit==1.4.2", "cleanlab==2.9.0", "krippendorff==0.9.0", "msgspec")
_OURS = "trueup"
_REPEATS = 15

Work = Callable[[Crowd], tuple[float, Array]]


@dataclass(frozen=True)
class Match:
    """One of our methods and what it is measured against. `quick` works are repeated within the process."""

    title: str
    crowd: str
    ours: Work
    peers: dict[str, Work]
    goal: float
    megabytes: float | None = None
    quick: bool = False


CROWDS: dict[str, Callable[[], Crowd]] = {
    "1,000,000 answers (250,000 samples x 4, 500 annotators, 4 classes)": lambda: matrix_crowd(250_000, 500, 4, 4, 1),
    "100,000 answers (25,000 samples x 4, 200 annotators, 4 classes)": lambda: matrix_crowd(25_000, 200, 4, 4, 2),
    "100,000 answers as GLAD's model has them": lambda: ease_crowd(25_000, 200, 4, 4, 3),
    "300,000 answers (75,000 samples x 4, 300 annotators, 4 classes)": lambda: matrix_crowd(75_000, 300, 4, 4, 4),
    "87,000 answers (29,000 samples x 3, 30 annotators, 5 classes)": lambda: matrix_crowd(29_000, 30, 5, 3, 5),
}


def ours(method: str, *, model: bool = False) -> Work:
    def work(crowd: Crowd) -> tuple[float, Array]:
        from trueup.quality.answers import Answers
        from trueup.quality.methods import METHODS
        from trueup.quality.ties import winners

        start = time.process_time()
        answers = Answers.of_columns(crowd.sample_of, crowd.annotator_of, crowd.label_of)
        if model:
            answers = dataclasses.replace(answers, predictions=crowd.said)
        fit = METHODS[method].fit(answers)
        labels = winners(fit.posterior, answers.classes, answers.samples)
        return time.process_time() - start, np.array(answers.classes)[labels]

    return work


def crowd_kit(name: str, **options: Any) -> Work:
    def work(crowd: Crowd) -> tuple[float, Array]:
        import crowdkit.aggregation  # type: ignore[import-not-found]
        import pandas as pd  # type: ignore[import-untyped]

        frame = pd.DataFrame({"task": crowd.sample_of, "worker": crowd.annotator_of, "label": crowd.label_of})
        start = time.process_time()
        labels = getattr(crowdkit.aggregation, name)(**options).fit_predict(frame)
        return time.process_time() - start, labels.sort_index().to_numpy()

    return work


def cleanlab_crowdlab(crowd: Crowd) -> tuple[float, Array]:
    import pandas as pd
    from cleanlab.multiannotator import get_label_quality_multiannotator  # type: ignore[import-not-found]

    matrix = np.full((len(crowd.truth), int(crowd.annotator_of.max()) + 1), np.nan)
    matrix[crowd.sample_of, crowd.annotator_of] = crowd.label_of
    frame = pd.DataFrame(matrix)
    start = time.process_time()
    found = get_label_quality_multiannotator(frame, crowd.said, return_detailed_quality=False, verbose=False)
    return time.process_time() - start, found["label_quality"]["consensus_label"].to_numpy()


def our_alpha(crowd: Crowd) -> tuple[float, Array]:
    from trueup.quality.agreement import Metric, measure
    from trueup.quality.answers import Answers

    start = time.process_time()
    value = measure(Answers.of_columns(crowd.sample_of, crowd.annotator_of, crowd.label_of), Metric.KRIPPENDORFF)
    return time.process_time() - start, np.array([value])


def krippendorff_alpha(given: str) -> Work:
    def work(crowd: Crowd) -> tuple[float, Array]:
        import krippendorff  # type: ignore[import-not-found]

        samples, classes = len(crowd.truth), int(crowd.label_of.max()) + 1
        counts = np.bincount(crowd.sample_of * classes + crowd.label_of, minlength=samples * classes)
        data = {"value_counts": counts.reshape(samples, classes)}
        if given == "matrix":
            matrix = np.full((int(crowd.annotator_of.max()) + 1, samples), np.nan)
            matrix[crowd.annotator_of, crowd.sample_of] = crowd.label_of
            data = {"reliability_data": matrix}
        start = time.process_time()
        value = krippendorff.alpha(**data, level_of_measurement="nominal")
        return time.process_time() - start, np.array([value])

    return work


_MILLION, _HUNDRED, _EASE, _THREE, _ALPHA = CROWDS
MATCHES = {
    "dawid-skene": Match(
        "Dawid-Skene", _MILLION, ours("dawid-skene"), {"crowd-kit": crowd_kit("DawidSkene", n_iter=100)}, 6, 200
    ),
    "mace": Match("MACE", _HUNDRED, ours("mace"), {"crowd-kit": crowd_kit("MACE")}, 20),
    "glad": Match("GLAD", _EASE, ours("glad"), {"crowd-kit": crowd_kit("GLAD", silent=True)}, 20),
    "majority": Match("majority", _HUNDRED, ours("majority"), {"crowd-kit": crowd_kit("MajorityVote")}, 1, quick=True),
    "crowdlab": Match("CROWDLAB", _THREE, ours("crowdlab", model=True), {"cleanlab": cleanlab_crowdlab}, 20),
    "alpha": Match(
        "Krippendorff's alpha",
        _ALPHA,
        our_alpha,
        {
            "krippendorff, from value counts": krippendorff_alpha("counts"),
            "krippendorff, from a matrix": krippendorff_alpha("matrix"),
        },
        1,
        quick=True,
    ),
}


def measure(name: str, contender: str) -> dict[str, float]:
    """CPU seconds, peak memory of the process, and how many labels are right (of alpha: its value)."""
    warnings.simplefilter("ignore")
    match = MATCHES[name]
    crowd = Crowd.load(_path(match.crowd))
    work = match.ours if contender == _OURS else match.peers[contender]
    times = []
    for _ in range(_REPEATS if match.quick else 1):
        seconds, found = work(crowd)
        times.append(seconds)
    np.save(_found(name, contender), found)
    right = float(found[0]) if len(found) == 1 else float((found == crowd.truth).mean())
    return {"seconds": float(np.median(times)), "memory_mb": _peak_mb(), "right": right}


def _peak_mb() -> float:
    """Peak resident memory of this program. What getrusage tells begins with the parent's, which forked it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmHWM")) / 1024


def compare(rounds: int) -> dict[str, dict[str, Figures]]:
    """Every match, all contenders in turn."""
    _prepare()
    found = {}
    for name, match in MATCHES.items():
        command = ["-m", "scripts.bench.consensus", "--match", name, "--contender"]
        commands = {each: [str(_PYTHON), *command, each] for each in match.peers}
        commands[_OURS] = [sys.executable, *command, _OURS]
        found[name] = interleaved(commands, rounds)
    return found


def report(found: dict[str, dict[str, Figures]], rounds: int, overlap: str) -> str:
    rows, goals = [], []
    for name, figures in found.items():
        match = MATCHES[name]
        for contender, each in figures.items():
            rows.append(
                [
                    match.title,
                    contender,
                    f"{each.median('seconds'):.3g}",
                    f"± {each.spread('seconds'):.0%}",
                    f"{each.median('memory_mb'):.0f}",
                    f"{each.median('right'):.4f}",
                    "" if contender == _OURS else f"{_same(name, contender):.2%}",
                ]
            )
        goals += [_goal(match, figures, peer) for peer in match.peers]
        if match.megabytes:
            used = figures[_OURS].median("memory_mb")
            met = "yes" if used <= match.megabytes else "no"
            goals.append([f"{match.title}, memory", "", f"{used:.0f} MB", f"{match.megabytes:.0f} MB", "", met])
    return "\n".join(
        [
            "# Labels out of answers",
            "",
            f"`python -m scripts.bench.consensus`, medians of {rounds} rounds in turn, one core. {machine()}; "
            f"peers: {', '.join(_PEERS[:3])}.",
            "",
            (__doc__ or "").partition("[--write]\n\n")[2].strip(),
            "",
            *[f"- {match.title}: {match.crowd}" for match in MATCHES.values()],
            "",
            "Right is the share of labels that are the true ones (of alpha: its value); the same, the share of labels "
            "that are ours, too.",
            "",
            table(["method", "contender", "seconds", "spread", "peak MB", "right", "the same"], rows),
            "",
            table(["ours, times as fast as", "peer", "reached", "goal", "right more", "met"], goals),
            "",
            "## Answers that a label takes",
            "",
            _overlap_text(),
            "",
            overlap,
            "",
        ]
    )


def _goal(match: Match, figures: dict[str, Figures], peer: str) -> list[str]:
    reached = 1 / ratio(figures[_OURS], figures[peer], "seconds")
    more = figures[_OURS].median("right") - figures[peer].median("right")
    met = "yes" if reached >= match.goal and more >= -0.002 else "no"
    return [match.title, peer, f"{reached:,.1f} ×", f"{match.goal:g} ×", f"{more:+.4f}", met]


def _overlap_text() -> str:
    from scripts.bench import crowds, overlap

    world = (crowds.__doc__ or "").partition("\n\n")[2].strip()
    return f"{(overlap.__doc__ or '').partition(chr(10) * 2)[2].strip()}\n\nThe crowds. {world}"


def _prepare() -> None:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    if not _PYTHON.exists():
        subprocess.run(["uv", "venv", "-q", _FOLDER / "peers"], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", _PYTHON, *_PEERS], check=True)
    for name, make in CROWDS.items():
        if not _path(name).exists():
            make().save(_path(name))


def _path(crowd: str) -> Path:
    return _FOLDER / f"{list(CROWDS).index(crowd)}.npz"


def _found(name: str, contender: str) -> Path:
    return _FOLDER / f"{name}-{contender.replace(' ', '-')}.npy"


def _same(name: str, contender: str) -> float:
    mine, theirs = (np.load(_found(name, each)) for each in (_OURS, contender))
    return float(np.isclose(mine, theirs, rtol=0, atol=1e-9).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=12, help="crowds that judge adaptive overlap")
    parser.add_argument("--match", choices=MATCHES)
    parser.add_argument("--contender")
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/consensus.md")
    given = parser.parse_args()
    if given.match:
        print(json.dumps(measure(given.match, given.contender)))
        return
    from scripts.bench import overlap

    adaptive = overlap.compare(range(1000, 1020), range(given.seeds))
    text = report(compare(given.rounds), given.rounds, adaptive)
    print(text)
    if given.write:
        BENCHMARKS.mkdir(exist_ok=True)
        (BENCHMARKS / "consensus.md").write_text(text)


if __name__ == "__main__":
    main()
