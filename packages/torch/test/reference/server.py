"""PyTorch's own front end as a reference: runs code sent as JSON lines, answers with tensors and values.

A request has `code`, which reads its inputs as variables and assigns `out`, a dict; tensors travel as
dtype, shape and base64 of their little-endian bytes. One namespace lives as long as the process.
"""
import base64
import json
import sys
import traceback

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

# As many bytes as the dtype has; bfloat16 has no NumPy type and travels as int16.
CARRIER = {
    "bool": np.bool_, "uint8": np.uint8, "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "float16": np.float16, "float32": np.float32, "float64": np.float64, "bfloat16": np.int16,
}


def decode(value):
    if isinstance(value, dict) and "dtype" in value and "data" in value:
        array = np.frombuffer(base64.b64decode(value["data"]), dtype=CARRIER[value["dtype"]]).reshape(value["shape"])
        tensor = torch.from_numpy(array.copy())
        return tensor.view(torch.bfloat16) if value["dtype"] == "bfloat16" else tensor
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def encode(value):
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).split(".")[1]
        tensor = value.detach().cpu().contiguous()
        if tensor._is_zerotensor():  # zeros without memory, which NumPy would read
            tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
        array = (tensor.view(torch.int16) if dtype == "bfloat16" else tensor).numpy()
        return {"dtype": dtype, "shape": list(value.shape), "data": base64.b64encode(array.tobytes()).decode()}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def main():
    torch.set_num_threads(2)
    namespace = {"torch": torch, "nn": nn, "F": F, "np": np}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            namespace.update(decode(request["inputs"]))
            namespace["out"] = {}
            exec(request["code"], namespace)
            answer = {"out": encode(namespace["out"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


main()
