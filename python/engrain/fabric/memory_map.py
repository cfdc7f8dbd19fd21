"""A picture of what a memory knows: its vectors on a self-organising map, as one HTML page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engrain.base.errors import ShapeError
from engrain.fabric.plots import u_matrix
from engrain.fabric.som import SelfOrganizingMap

LABEL_LENGTH = 120
CELL = 36  # pixels

PAGE = """<!doctype html>
<meta charset="utf-8"><title>Memory map</title>
<style>
body{font:14px system-ui,sans-serif;margin:1.5rem;color:#222}
canvas{border:1px solid #bbb;max-width:100%}
#tip{min-height:2.6em;margin-top:.5rem;max-width:60rem}
</style>
<h1>What this memory knows</h1>
<p><label>Colour by <select id="by"><option>domain<option>utility<option>recency</select></label>
<span id="legend"></span></p>
<canvas id="map"></canvas><div id="tip">Point at a dot. Dark ridges part regions of meaning.</div>
<script type="application/json" id="data">__DATA__</script>
<script>
const d=JSON.parse(document.getElementById("data").textContent),c=document.getElementById("map");
const by=document.getElementById("by"),tip=document.getElementById("tip"),g=c.getContext("2d");
c.width=d.columns*d.cell;c.height=d.rows*d.cell;
const names=[...new Set(d.points.map(p=>p.domain))];
const hue=n=>`hsl(${Math.round(360*names.indexOf(n)/names.length)} 70% 45%)`;
const scale=v=>`hsl(${Math.round(240*(1-v))} 80% 45%)`;
const colour=p=>by.value==="domain"?hue(p.domain):scale(p[by.value]);
function draw(){
 d.ridges.forEach((row,i)=>row.forEach((v,j)=>{const s=Math.round(255-120*v);
  g.fillStyle=`rgb(${s},${s},${s})`;g.fillRect(j*d.cell,i*d.cell,d.cell,d.cell);}));
 d.points.forEach(p=>{g.fillStyle=colour(p);g.beginPath();g.arc(p.x,p.y,4,0,7);g.fill();});
 const l=document.getElementById("legend");l.textContent="";
 const add=(t,k)=>{const s=document.createElement("span");
  s.textContent=" \\u25cf "+t;s.style.color=k;l.append(s);};
 if(by.value==="domain")names.forEach(n=>add(n,hue(n)));
 else{add("low",scale(0));add("high",scale(1));}
}
by.onchange=draw;draw();
c.onmousemove=e=>{const r=c.getBoundingClientRect(),k=c.width/r.width;
 const x=(e.clientX-r.left)*k,y=(e.clientY-r.top)*k;let best=null,near=100;
 d.points.forEach(p=>{const q=(p.x-x)**2+(p.y-y)**2;if(q<near){near=q;best=p;}});
 if(best)tip.textContent=best.domain+": "+best.label;};
</script>
"""


def memory_map_html(
    vectors: npt.ArrayLike,
    labels: Sequence[str],
    domains: Sequence[str],
    utility: npt.ArrayLike,
    recency: npt.ArrayLike,
    map_size: tuple[int, int] | None = None,
    seed: int = 0,
) -> str:
    """Return a self-contained page with one dot per memory on a self-organising map.

    Near dots mean similar things; the background is the U-matrix. Dots are coloured by domain,
    utility or recency, as the reader chooses.

    Parameters
    ----------
    vectors : array_like, shape (n, dim)
        At least two.
    labels, domains : sequence of str, length n
        Labels are cut to 120 characters and shown as text.
    utility, recency : array_like, shape (n,)
        Any scale: what counts is the rank.
    map_size : tuple of 2 int, optional
        By default about one unit for five memories.
    seed : int
        Of the places of dots within their cell.

    Raises
    ------
    ShapeError
        Lengths differ, or fewer than two vectors.
    """
    x = np.asarray(vectors, dtype=np.float32)
    if x.ndim != 2 or len(x) < 2:
        raise ShapeError(f"a map needs at least two vectors, got shape {x.shape}")
    useful, recent = np.asarray(utility, dtype=float), np.asarray(recency, dtype=float)
    if {len(labels), len(domains), len(useful), len(recent)} != {len(x)}:
        raise ShapeError("vectors, labels, domains, utility and recency must have one length")
    side = max(2, min(40, math.ceil(math.sqrt(len(x) / 5))))
    som = SelfOrganizingMap(map_size or (side, side), random_state=seed).fit(x)
    content = _content(som, x, labels, domains, _ranked(useful), _ranked(recent), seed)
    # "<" cannot end the script element once it is escaped.
    return PAGE.replace("__DATA__", json.dumps(content).replace("<", "\\u003c"))


def _content(
    som: SelfOrganizingMap,
    x: npt.NDArray[np.float32],
    labels: Sequence[str],
    domains: Sequence[str],
    utility: npt.NDArray[np.float64],
    recency: npt.NDArray[np.float64],
    seed: int,
) -> dict[str, object]:
    rows, columns = som.map_size
    ridges = u_matrix(som)
    spread = float(np.ptp(ridges)) or 1.0
    shift = np.random.default_rng(seed).uniform(0.1, 0.9, (len(x), 2))
    row, column = np.divmod(som.predict(x), columns)
    points = [
        {
            "x": round(float((column[i] + shift[i, 0]) * CELL), 1),
            "y": round(float((row[i] + shift[i, 1]) * CELL), 1),
            "label": labels[i][:LABEL_LENGTH],
            "domain": domains[i],
            "utility": round(float(utility[i]), 3),
            "recency": round(float(recency[i]), 3),
        }
        for i in range(len(x))
    ]
    return {
        "rows": rows, "columns": columns, "cell": CELL, "points": points,
        "ridges": np.round((ridges - ridges.min()) / spread, 3).tolist(),
    }  # fmt: skip


def _ranked(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ranks scaled to [0, 1]; equal values share one."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle = ends - (counts + 1) / 2
    return np.asarray(middle[inverse] / max(1, len(values) - 1))
