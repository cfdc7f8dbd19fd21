"""The frame of a report page: one HTML file that needs nothing besides itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root{--ink:#1d2330;--soft:#667085;--line:#e4e7ec;--paper:#fff;--ground:#f6f7f9;--one:#98a2b3;
--two:#3056d3;--up:#12805c;--down:#c4320a;--wash:#eef2ff}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#98a2b3;--line:#2c3342;--paper:#171b24;
--ground:#0f1219;--one:#6b7487;--two:#7c9bff;--up:#3ccb94;--down:#ff8a65;--wash:#1d2540}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 20px 64px}
h1{font-size:30px;letter-spacing:-.02em;margin:0 0 6px}h2{font-size:17px;margin:0 0 4px}
p{margin:0 0 14px;color:var(--soft)}.lead{font-size:17px;max-width:72ch}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;margin:26px 0}
.card,section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:18px}
.card b{display:block;font-size:27px;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.card span{display:block;color:var(--soft);font-size:14px}.card .good{color:var(--up)}
.card .bad{color:var(--down)}
.grid{columns:2 440px;column-gap:14px}
section{margin-bottom:14px;min-width:0;overflow-x:auto}.grid section{break-inside:avoid}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:8px 6px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal}
th{color:var(--soft);font-weight:500;font-size:14px}tr:last-child td{border-bottom:0}
pre{background:var(--wash);border-radius:8px;padding:12px 14px;overflow-x:auto;margin:8px 0 0}
code,pre{font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
svg{display:block;width:100%;height:auto;margin-top:6px}
.grid line,line.grid{stroke:var(--line)}.axis{stroke:var(--one)}line.zero{stroke:var(--soft);
stroke-dasharray:3 3}.label{fill:var(--soft);font-size:12px}.value{fill:var(--ink);font-size:12px}
.line0,.line1{fill:none;stroke-width:2.5;stroke-linejoin:round}.line0{stroke:var(--one)}
.line1{stroke:var(--two)}.dot0,.name0{fill:var(--one)}.dot1,.name1{fill:var(--two)}
.name0,.name1{font-size:13px;font-weight:600}.bar{fill:var(--two);opacity:.75}
.whisker{stroke-width:2.5;stroke-linecap:round}line.up{stroke:var(--up)}line.down{stroke:var(--down)}
line.none{stroke:var(--one)}circle.up{fill:var(--up)}circle.down{fill:var(--down)}
circle.none{fill:var(--one)}footer{color:var(--soft);font-size:14px;margin-top:26px}
""".replace("\n", "")


def card(value: str, label: str, kind: str = "") -> str:
    """Return one headline figure; `kind` is "good", "bad" or nothing."""
    return (
        f'<div class="card"><b class="{kind}">{escape(value)}</b><span>{escape(label)}</span></div>'
    )


def section(title: str, note: str, body: str) -> str:
    """Return one block with its heading and a sentence that says how to read it."""
    return f"<section><h2>{escape(title)}</h2><p>{escape(note)}</p>{body}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first column names the row."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def page(title: str, lead: str, body: str, footer: str) -> str:
    """Return the whole document."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{body}'
        f"<footer>{escape(footer)}</footer></main></body></html>\n"
    )
