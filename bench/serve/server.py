"""The work of `deit-lt serve` as one writes it with FastAPI, uvicorn, Pillow, torchvision's transforms, and PyTorch or onnxruntime.

    SERVER_CONFIG=CONFIG python3 server.py

CONFIG is JSON: `case` (sizes), `engine` ("torch" or "onnxruntime"), `model` (a .pth or an .onnx), `threads`, `mean`, `std`, `port`, `batch`,
`precision` (of torch), `processes`. With `batch` 1 each request is classified alone, in FastAPI's pool of threads; with more, images that
wait are gathered, up to that many. Several `processes` are uvicorn's workers, which share the cores.
"""
import asyncio
import contextlib
import io
import json
import os
import pathlib
import sys

import torch
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

sys.path.append(str(pathlib.Path(__file__).parent.parent / "predict"))
from reference import load_model, predict, transform_of  # noqa: E402

config = json.loads(os.environ["SERVER_CONFIG"])
case = config["case"]
threads = max(1, config["threads"] // config["processes"])
transform = transform_of(case["imageSize"], config["mean"], config["std"])


def torch_logits():
    torch.set_num_threads(threads)
    model = load_model(case, config["model"])
    bf16 = config["precision"] == "bfloat16"

    def logits(images):
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            return predict(model, images).float()

    return logits


def onnxruntime_logits():
    import onnxruntime

    torch.set_num_threads(1)  # it only decodes
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(config["model"], options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["logits"], {"pixel_values": images.numpy()})[0])


logits_of = None


def decode(content):
    return transform(Image.open(io.BytesIO(content)).convert("RGB"))


def classify_batch(images):
    top = logits_of(torch.stack(images)).softmax(1).topk(min(5, case["numClasses"]))
    return list(zip(top.indices.tolist(), top.values.tolist()))


async def gather(waiting):
    """Takes whatever waits when the network is free."""
    while True:
        batch = [await waiting.get()]
        while len(batch) < config["batch"] and not waiting.empty():
            batch.append(waiting.get_nowait())
        answers = await asyncio.to_thread(classify_batch, [image for image, _ in batch])
        for (_, future), answer in zip(batch, answers):
            future.set_result(answer)


@contextlib.asynccontextmanager
async def lifespan(app):
    global logits_of
    logits_of = torch_logits() if config["engine"] == "torch" else onnxruntime_logits()
    classify_batch([torch.zeros(3, case["imageSize"], case["imageSize"])])
    app.state.waiting = asyncio.Queue()
    gathering = asyncio.create_task(gather(app.state.waiting))
    yield
    gathering.cancel()


app = FastAPI(lifespan=lifespan)


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
        await app.state.waiting.put((image, future))
        indices, values = await future
    return {"predictions": [{"top": [{"class": str(c), "probability": p} for c, p in zip(indices, values)]}]}


if __name__ == "__main__":
    here = str(pathlib.Path(__file__).parent)
    workers = config["processes"]
    target = "server:app" if workers > 1 else app
    quiet = {"log_level": "warning", "access_log": False}
    patient = {"timeout_worker_healthcheck": 120}  # importing PyTorch takes longer than the 5 seconds of uvicorn's default
    uvicorn.run(target, app_dir=here, workers=workers, host="127.0.0.1", port=config["port"], **quiet, **patient)
