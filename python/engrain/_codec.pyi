from typing import Any

import numpy as np

def pack_block(meta: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> bytes: ...
