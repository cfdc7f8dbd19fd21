from __future__ import annotations

import numpy as np

from engrain.loops.material import Links
from engrain.loops.pruning import weak_links, within_cap


def star(weights: list[float]) -> Links:
    n = len(weights)
    ends = np.arange(1, n + 1)
    return Links(np.zeros(n, np.int64), ends, np.array(weights), np.zeros(n, np.int64))


def test_a_link_is_weak_only_where_both_ends_say_so() -> None:
    links = star([0.9, 0.5, 0.1])
    assert not weak_links(links, 4, kept=1).any()  # each is its leaf's only link
    more = links.joined(Links(np.array([3]), np.array([4]), np.array([0.8]), np.zeros(1, np.int64)))
    assert weak_links(more, 5, kept=1).tolist() == [False, False, True, False]


def test_weight_counts_relative_to_the_neighbourhood() -> None:
    base = Links(
        np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.0, 1.0, 0.005]), np.zeros(3, np.int64)
    )
    assert weak_links(base, 3).tolist() == [False, False, True]
    scaled = Links(base.a, base.b, base.weights / 1000, base.kinds)
    assert weak_links(scaled, 3).tolist() == [False, False, True]


def test_the_cap_holds_at_every_memory() -> None:
    kept = within_cap(star([0.5, 0.9, 0.1, 0.7]), 5, most=2)
    assert kept.b.tolist() == [2, 4]
    links = star([0.5, 0.9])
    assert within_cap(links, 3) is links
