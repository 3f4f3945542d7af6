"""The demo's report as one page that needs nothing else: plots as inline SVG, pictures as data URIs."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_report import Question, Report, dollars

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --quiet: #5f6770; --line: #d9dde1; --panel: #f6f7f8; --page: #fff;
  --chosen: #1f7a4a; --random: #a86a00; --before: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --quiet: #a3abb3; --line: #3a4149; --panel: #1d2126;
  --page: #14171a; --chosen: #5cc98b; --random: #e0aa4e; --before: #9aa3ad; } }
body { font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; max-width: 60rem; margin: 2.5rem auto 4rem;
  padding: 0 1.2rem; color: var(--ink); background: var(--page); }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .4rem; } h2 { font-size: 1.15rem; margin: 2.6rem 0 .3rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; } .quiet { color: var(--quiet); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.7rem; line-height: 1.2; } .card span { color: var(--quiet); font-size: .9rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .7rem; }
.gallery figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: .6rem; font-size: .85rem; line-height: 1.4; }
.gallery img { width: 100%; image-rendering: pixelated; border-radius: 6px; display: block; margin-bottom: .45rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem 2.5rem; }
svg text { fill: currentColor; font: 14px system-ui, "DejaVu Sans", sans-serif; } svg .quiet { fill: var(--quiet); }
svg line.grid { stroke: var(--line); } pre { background: var(--panel); border: 1px solid var(--line);
  border-radius: 12px; padding: 1rem; overflow-x: auto; font-size: .8rem; line-height: 1.45; }
table { border-collapse: collapse; } td, th { padding: .25rem 1.6rem .25rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
"""


def write_page(report: Report, path: Path) -> None:
    path.write_text(_page(report), encoding="utf-8")


def _page(report: Report) -> str:
    body = "\n".join(_sections(report))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>trueup: what the demo found</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    people = report.people()
    yield "<h1>A deployed model learned from the right questions</h1>"
    yield (
        f"<p>Of {report.captures_sent // 2:,} pictures that production sent to the endpoint, {report.questions} were "
        f"put before {len(people)} people, who gave {report.answers} answers. Part of the cameras had been mounted "
        f"askew, and the digit {report.new_class} had never been seen before.</p>"
    )
    yield f'<div class="cards">{"".join(_cards(report))}</div>'
    yield '<div class="plots">'
    yield f"<div><h2>Accuracy as labels came in</h2>{_learning_curve(report)}</div>"
    yield f"<div><h2>Recall of each digit, before and after</h2>{_recalls(report)}</div>"
    yield "</div>"
    yield "<h2>What people were asked</h2>"
    yield (
        '<p class="quiet">Each picture was captured at the endpoint; the model was unsure, or the audit drew it. '
        "The label is what the answers support, each weighed by its annotator's skill.</p>"
    )
    yield f'<div class="gallery">{"".join(map(_figure, report.gallery))}</div>'
    yield "<h2>What each annotator is worth</h2>"
    yield (
        f'<p class="quiet">Probability of a right answer with its 90 % interval, found from the answers alone '
        f"(Krippendorff's α of all answers: {report.agreement:.2f}).</p>{_intervals(people)}"
    )
    yield f"<h2>What the labels cost</h2><table>{''.join(_prices(report))}</table>"
    yield "<h2>One prediction, and what learned from it</h2>"
    yield f"<pre>{html.escape(chr(10).join(report.lineage))}</pre>"
    yield f"<h2>The retrainings</h2><table>{''.join(_rounds(report))}</table>"
    yield "<h2>Nothing was lost</h2>"
    yield (
        f"<p>{report.captures_accounted:,} of {report.captures_sent:,} captures accounted for, {report.dlq_messages} "
        f"dead letters, {report.orphan_tasks} orphan tasks, dataset verification "
        f"{'clean' if report.verify_ok else 'found problems'}. It took {report.seconds:.0f} seconds.</p>"
    )


def _cards(report: Report) -> Iterator[str]:
    cards = [
        (f"{report.accuracy_before:.0%}", "right on held-out pictures"),
        (f"{report.accuracy_after:.0%}", f"after {report.labels_bought} chosen labels"),
        (f"{report.accuracy_random:.0%}", f"after {report.labels_random} random labels"),
        (f"{report.new_class_recall:.0%}", f"of the new digit {report.new_class}"),
    ]
    for figure, what in cards:
        yield f'<div class="card"><b>{figure}</b><span>{html.escape(what)}</span></div>'


def _figure(question: Question) -> str:
    right = question.said == question.label
    verdict = "and was right" if right else "people said"
    label = "" if right else f" <b>{html.escape(question.label)}</b>"
    return (
        f'<figure><img alt="a handwritten {html.escape(question.label)}" src="data:image/png;base64,'
        f'{question.picture}"><figcaption>model said <b>{html.escape(question.said)}</b> ({question.probability:.0%}) '
        f"{verdict}{label}<br><span class='quiet'>{question.agreed} of {question.asked} agreed · "
        f"{html.escape(question.reason)}</span></figcaption></figure>"
    )


def _prices(report: Report) -> Iterator[str]:
    cost = report.cost
    rows = [
        ("trueup in your account", cost["trueup on AWS"], f"{report.answers} answers through the API"),
        ("Ground Truth", cost["Ground Truth"], f"{report.questions} objects, where an account may still use it"),
        ("the people's time", cost["people"], "either way, at $15 an hour and 10 seconds an answer"),
    ]
    for name, amount, why in rows:
        yield f'<tr><td>{name}</td><td class="number">{dollars(amount)}</td><td class="quiet">{why}</td></tr>'


def _rounds(report: Report) -> Iterator[str]:
    yield "<tr><th>run</th><th>why</th><th>ended</th><th>held out</th></tr>"
    for each in report.rounds:
        why, run = html.escape(each.reason), html.escape(each.run)
        yield f"<tr><td>{run}</td><td>{why}</td><td>{each.status}</td><td>{each.accuracy:.1%}</td></tr>"


@dataclass(frozen=True)
class _Scale:
    """Maps a value in low..high to start..end pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _learning_curve(report: Report) -> str:
    points = [(0, report.accuracy_before), *((each.labels, each.accuracy) for each in report.rounds)]
    at_random = (report.labels_random, report.accuracy_random)
    low = int(10 * min(y for _, y in [*points, at_random])) / 10
    x = _Scale(0, 1.08 * max(each for each, _ in [*points, at_random]), 46, 470)
    y = _Scale(low, 1.0, 250, 16)
    parts = [_grid_y(y, low)]
    parts += [f'<text class="quiet" x="{x(each):.0f}" y="272" text-anchor="middle">{each}</text>' for each, _ in points]
    parts.append('<text class="quiet" x="470" y="294" text-anchor="end">labels bought</text>')
    path = " ".join(f"{x(each):.1f},{y(value):.1f}" for each, value in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="var(--chosen)" stroke-width="2.5"/>')
    parts += [_dot(x(each), y(value), "chosen") for each, value in points]
    parts.append(_dot(x(at_random[0]), y(at_random[1]), "random"))
    parts.append(_label(x(points[-1][0]) - 10, y(points[-1][1]) - 12, "chosen", "end"))
    parts.append(_label(x(at_random[0]), y(at_random[1]) + 24, "random", "middle"))
    return _svg(480, 300, parts, "Accuracy after each retraining, and after as many random labels")


def _grid_y(y: _Scale, low: float) -> str:
    ticks = [low + number / 10 for number in range(round((1 - low) * 10) + 1)]
    return "".join(
        f'<line class="grid" x1="46" x2="470" y1="{y(each):.1f}" y2="{y(each):.1f}"/>'
        f'<text class="quiet" x="38" y="{y(each) + 5:.1f}" text-anchor="end">{each:.0%}</text>'
        for each in ticks
    )


def _recalls(report: Report) -> str:
    names = sorted(report.recalls_after)
    x, step = _Scale(0, 1, 40, 440), 24
    parts: list[str] = []
    for number, name in enumerate(names):
        height = 20 + step * number
        before, after = x(report.recalls_before.get(name, 0.0)), x(report.recalls_after[name])
        parts += [
            f'<text x="8" y="{height + 5}">{html.escape(name)}</text>',
            f'<line class="grid" x1="40" x2="440" y1="{height}" y2="{height}"/>',
            f'<line x1="{before:.1f}" x2="{after:.1f}" y1="{height}" y2="{height}" stroke="var(--chosen)" '
            f'stroke-width="2.5"/>',
            _dot(before, height, "before"),
            _dot(after, height, "chosen"),
        ]
    foot = 20 + step * len(names) + 8
    parts += [
        f'<text class="quiet" x="{x(share):.0f}" y="{foot}" text-anchor="middle">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    ]
    legend = [(_dot(46, foot + 21, "before"), 58, "before"), (_dot(126, foot + 21, "chosen"), 138, "after")]
    parts += [f'{dot}<text class="quiet" x="{left}" y="{foot + 26}">{text}</text>' for dot, left, text in legend]
    return _svg(480, foot + 36, parts, "Recall of each class before and after")


def _intervals(people: Sequence[tuple[str, list[float]]]) -> str:
    x, step = _Scale(0, 1, 150, 640), 30
    parts: list[str] = []
    for number, (name, (skill, low, high, answers)) in enumerate(people):
        height = 18 + step * number
        parts += [
            f'<text x="0" y="{height + 5}">{html.escape(name)}</text>',
            f'<line class="grid" x1="150" x2="640" y1="{height}" y2="{height}"/>',
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{height}" y2="{height}" stroke="var(--chosen)" '
            f'stroke-width="4" opacity=".45"/>',
            _dot(x(skill), height, "chosen"),
            f'<text x="660" y="{height + 5}">{skill:.2f} <tspan class="quiet">({low:.2f}–{high:.2f}), '
            f"{answers:.0f} answers</tspan></text>",
        ]
    foot = 18 + step * len(people) + 4
    parts += [
        f'<text class="quiet" x="{x(share):.0f}" y="{foot}" text-anchor="middle">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    ]
    return _svg(900, foot + 8, parts, "Skill of each annotator with its interval")


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="var(--{colour})"/>'


def _label(x: float, y: float, what: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill: var(--{what})">{what}</text>'


def _svg(width: int, height: int, parts: Sequence[str], name: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="100%" role="img" aria-label="{name}">{"".join(parts)}</svg>'
