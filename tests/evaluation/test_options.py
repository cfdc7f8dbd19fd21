from __future__ import annotations

from typing import Any

import pytest

from engrain.base.errors import ConfigError
from engrain.evaluation.options import Options


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"protocol": "magic"}, "protocol: expected one of static, kfold"),
        ({"teach": "hope"}, "teach: expected one of judge, shown"),
        ({"clicks": "loud"}, "clicks: expected one of perfect, noisy"),
        ({"folds": 1}, "folds: expected at least 2, got 1"),
        ({"flip": 1.5}, "flip: expected a share in"),
        ({"protocol": "repeat", "delay": -1}, "delay: expected at least 0"),
        ({"protocol": "kfold", "poison": 0.1}, "belong to a stream"),
        ({"protocol": "static", "drift": True}, "belong to a stream"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Options(**settings)


def test_streams() -> None:
    assert Options(protocol="repeat", poison=0.1, delay=5).is_stream
    assert not Options(protocol="kfold").is_stream
