from __future__ import annotations

import numpy as np

from engrain.policy.gate_watch import Alarm, Watch


def test_the_watch_needs_evidence() -> None:
    watch, seen = Watch(), []
    for gain, count in ((0.5, 14), (0.5, 15), (-0.5, 60)):
        for _ in range(count):
            watch.note(gain)
        seen.append(watch.trusted)
    assert seen == [False, True, False]


def test_the_alarm_is_rarely_false_and_sounds_soon() -> None:
    rng = np.random.default_rng(0)

    def lists_until(mean: float) -> int:
        alarm, count = Alarm(), 0
        while not alarm.sounds and count < 5000:
            alarm.note(mean + 0.4 * rng.standard_normal())
            count += 1
        return count

    assert np.mean([lists_until(0.0) for _ in range(40)]) >= 100
    assert np.mean([lists_until(-0.3) for _ in range(40)]) <= 40
