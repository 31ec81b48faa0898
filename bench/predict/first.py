"""One image, from the start of the process: python3 first.py CONFIG IMAGE, with CONFIG as in reference.py."""
import json
import sys

import torch
from PIL import Image

from reference import load_model, predict, transform_of

config = json.loads(sys.argv[1])
torch.set_num_threads(config["threads"])
model = load_model(config["case"], config["checkpoint"])
transform = transform_of(config["case"]["imageSize"], config["mean"], config["std"])
with torch.inference_mode():
    logits = predict(model, transform(Image.open(sys.argv[2]).convert("RGB")).unsqueeze(0))
print(logits.softmax(1).topk(5).indices.tolist(), flush=True)
