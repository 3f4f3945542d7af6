"""Pages of HTML that need nothing else: no script, no font, no picture from elsewhere; light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
:root { --paper: #fbfbf9; --ink: #1d2125; --dim: #626a73; --line: #dcdfe3; --bar: #2f6f9f; --track: #e9ecef;
  --good: #2e7d4f; --bad: #b3412e; --warn: #8a6100; --card: #ffffff }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --ink: #e4e7ea; --dim: #98a1aa; --line: #32383e;
  --bar: #6cabd8; --track: #262b30; --good: #6cc08b; --bad: #e58a78; --warn: #d9ad4a; --card: #1b1f23 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; line-height: 1.25 }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem }
p { margin: .5rem 0 }
.dim { color: var(--dim) }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .87em }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; color: var(--dim); font-weight: 500; border-bottom: 1px solid var(--line);
  padding: .3rem .75rem .3rem 0 }
td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: middle;
  overflow-wrap: anywhere }
th.n, td.n { text-align: right; white-space: nowrap }
td.bar { width: 38% }
.scroll { overflow-x: auto }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.25rem, 1fr)); gap: .75rem; margin: 1.25rem 0 }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem }
.fact b { display: block; font-size: 1.35rem; font-weight: 600; line-height: 1.3 }
.fact span { color: var(--dim); font-size: .87rem }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.5rem }
ul.gaps { padding-left: 1.1rem }
ul.gaps li { margin: .3rem 0 }
.added { color: var(--good) }
.removed { color: var(--bad) }
.relabelled, .moved { color: var(--warn) }
svg { display: block; width: 100%; height: auto }
td:first-child { min-width: 6rem }
svg text { fill: var(--dim); font-size: 10px }
svg .bar { fill: var(--bar) }
svg .track { fill: var(--track) }
"""
_AXIS = (
    '<text x="0" y="112">0</text><text x="150" y="112" text-anchor="middle">0.5</text>'
    '<text x="300" y="112" text-anchor="end">1</text>'
)


def page(title: str, body: Sequence[str]) -> str:
    """A whole page; `body` is HTML."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style>"
    )
    whole = f'<html lang="en"><head>{head}</head><body><main>\n{_lines(body)}\n</main></body></html>'
    return f"<!doctype html>\n{whole}\n"


def text(value: object) -> str:
    """Escaped, for text and for attributes in quotes."""
    return escape(str(value), quote=True)


def facts(values: Mapping[str, str]) -> str:
    """Figures that stand out, by what they say."""
    cells = [f'<div class="fact"><b>{text(value)}</b><span>{text(name)}</span></div>' for name, value in values.items()]
    return f'<div class="facts">{"".join(cells)}</div>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> str:
    """Cells are HTML; `numbers` names the columns that stand right."""
    kinds = ["n" if each in numbers else "" for each in columns]
    head = "".join(f"<th{_class(kind)}>{text(each)}</th>" for each, kind in zip(columns, kinds, strict=True))
    body = "".join(_row(row, kinds) for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def bar(share: float, says: str) -> str:
    """A bar of this share of the cell's width, 0 to 1; `says` is what it means, for those who cannot see it."""
    width = max(0.0, min(1.0, share)) * 100
    track = '<rect class="track" width="100" height="8" rx="1"/>'
    filled = f'<rect class="bar" width="{width:.2f}" height="8" rx="1"/>'
    shape = 'viewBox="0 0 100 8" preserveAspectRatio="none" style="height:.6rem"'
    return f'<svg {shape} role="img" aria-label="{text(says)}">{track}{filled}</svg>'


def histogram(counts: Sequence[int], says: str) -> str:
    """Columns over equal bins from 0 to 1, the highest as high as there is room; each tells its count."""
    most, step = max(counts, default=0) or 1, 300 / max(1, len(counts))
    columns = [_column(place, number, number / most, step, len(counts)) for place, number in enumerate(counts)]
    scale = f'<text x="300" y="-2" text-anchor="end">{max(counts, default=0):,}</text>'
    shape = f'viewBox="0 -12 300 128" role="img" aria-label="{text(says)}"'
    return f"<svg {shape}>{''.join(columns)}{scale}{_AXIS}</svg>"


def _column(place: int, number: int, share: float, step: float, bins: int) -> str:
    height = max(share * 88, 1.5 if number else 0.5)
    says = f"{place / bins:.1f} to {(place + 1) / bins:.1f}: {number:,}"
    return (
        f'<g><title>{text(says)}</title><rect class="{"bar" if number else "track"}" x="{place * step + 1:.1f}" '
        f'y="{98 - height:.1f}" width="{step - 2:.1f}" height="{height:.1f}"/></g>'
    )


def _row(row: Sequence[str], kinds: Sequence[str]) -> str:
    return "<tr>" + "".join(_cell(each, kind) for each, kind in zip(row, kinds, strict=True)) + "</tr>"


def _cell(cell: str, kind: str) -> str:
    return f"<td{_class('bar' if cell.startswith('<svg') else kind)}>{cell}</td>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _lines(body: Sequence[str]) -> str:
    return "\n".join(each for each in body if each)
