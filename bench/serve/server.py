"""The work of `deit-lt serve` as one writes it with FastAPI, uvicorn, PyTorch, torchvision and Pillow.

    python3 server.py CONFIG

CONFIG is JSON: `case` (sizes), `checkpoint` (a .pth), `threads`, `mean`, `std`, `port`, `batch`, `precision`. With `batch` 1 each request is
classified alone, in FastAPI's pool of threads; with more, images that wait are gathered, up to that many.
"""
import asyncio
import io
import json
import pathlib
import sys

import torch
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

sys.path.append(str(pathlib.Path(__file__).parent.parent / "predict"))
from reference import load_model, predict, transform_of  # noqa: E402

config = json.loads(sys.argv[1])
case = config["case"]
torch.set_num_threads(config["threads"])
model = load_model(case, config["checkpoint"])
transform = transform_of(case["imageSize"], config["mean"], config["std"])
app = FastAPI()
waiting: asyncio.Queue = asyncio.Queue()


def decode(content):
    return transform(Image.open(io.BytesIO(content)).convert("RGB"))


def classify_batch(images):
    bf16 = config["precision"] == "bfloat16"
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        top = predict(model, torch.stack(images)).float().softmax(1).topk(min(5, case["numClasses"]))
    return list(zip(top.indices.tolist(), top.values.tolist()))


async def gather():
    """Takes whatever waits when the network is free."""
    while True:
        batch = [await waiting.get()]
        while len(batch) < config["batch"] and not waiting.empty():
            batch.append(waiting.get_nowait())
        answers = await asyncio.to_thread(classify_batch, [image for image, _ in batch])
        for (_, future), answer in zip(batch, answers):
            future.set_result(answer)


@app.on_event("startup")
async def start():
    classify_batch([torch.zeros(3, case["imageSize"], case["imageSize"])])
    app.state.gathering = asyncio.create_task(gather())


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.post("/v1/classify")
async def classify(request: Request):
    content = await request.body()
    try:
        image = await asyncio.to_thread(decode, content)
    except Exception as error:
        raise HTTPException(422, str(error)) from error
    if config["batch"] == 1:
        indices, values = (await asyncio.to_thread(classify_batch, [image]))[0]
    else:
        future = asyncio.get_running_loop().create_future()
        await waiting.put((image, future))
        indices, values = await future
    return {"predictions": [{"top": [{"class": str(c), "probability": p} for c, p in zip(indices, values)]}]}


uvicorn.run(app, host="127.0.0.1", port=config["port"], log_level="warning")
