from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from engrain.base.errors import SnapshotError
from engrain.loops import BaseLoRA, export_peft, import_peft
from tests.strategies import normal

DIM = 48


@pytest.fixture
def base() -> BaseLoRA:
    made = BaseLoRA(DIM)
    made.merge(normal(1, 3, DIM), normal(2, 3, DIM))
    return made


def test_the_shapes_are_those_of_peft(base: BaseLoRA, tmp_path: Path) -> None:
    export_peft(base, tmp_path, module="encoder.query")
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    down = tensors["base_model.model.encoder.query.lora_A.weight"]
    up = tensors["base_model.model.encoder.query.lora_B.weight"]
    assert (down.shape, up.shape) == ((3, DIM), (DIM, 3))
    x = normal(3, 5, DIM)
    np.testing.assert_allclose(x + x @ down.T @ up.T, base.apply(x), rtol=1e-4, atol=1e-4)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (3, 3, "LORA")


def test_what_was_exported_comes_back(base: BaseLoRA, tmp_path: Path) -> None:
    export_peft(base, tmp_path)
    back, x = import_peft(tmp_path), normal(3, 5, DIM)
    assert back.rank == 3
    np.testing.assert_allclose(back.apply(x), base.apply(x), rtol=1e-4, atol=1e-4)


def test_the_scale_of_other_adapters_is_taken_over(base: BaseLoRA, tmp_path: Path) -> None:
    export_peft(base, tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 6}))
    x = normal(3, 5, DIM)
    doubled = import_peft(tmp_path).apply(x) - x
    np.testing.assert_allclose(doubled, 2 * (base.apply(x) - x), rtol=1e-3, atol=1e-3)


def test_an_untrained_adapter_stays_one(tmp_path: Path) -> None:
    export_peft(BaseLoRA(DIM), tmp_path)
    assert import_peft(tmp_path).rank == 0


def test_damaged_files_are_refused(base: BaseLoRA, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no readable"):
        import_peft(tmp_path / "nowhere")
    export_peft(base, tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(SnapshotError, match="no readable"):
        import_peft(tmp_path)
