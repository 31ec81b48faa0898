"""The work of bench/predict as one writes it with PyTorch, torchvision and Pillow: a process that answers JSON lines.

    python3 reference.py CONFIG

CONFIG is JSON: `case` (sizes), `checkpoint` (a .pth), `threads`, `batch`, `mean`, `std`. Questions: {"do": "logits" | "files", "paths"}
and {"do": "model", "images", "precision", "compile"}: `compile` is true for torch.compile.
"""
import json
import pathlib
import sys
import time

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import InterpolationMode

sys.path.append(str(pathlib.Path(__file__).parent.parent / "train"))
from networks import DistilledViT  # noqa: E402


class Files(Dataset):
    def __init__(self, paths, transform):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return self.transform(Image.open(self.paths[i]).convert("RGB"))


def transform_of(size, mean, std):
    """As the DeiT-LT code evaluates: 224 from 256; small images are only brought to size."""
    whole = [transforms.Resize((size, size), InterpolationMode.BICUBIC)]
    crop = [transforms.Resize(round(size * 256 / 224), InterpolationMode.BICUBIC), transforms.CenterCrop(size)]
    return transforms.Compose([*(crop if size > 32 else whole), transforms.ToTensor(), transforms.Normalize(mean, std)])


def load_model(case, checkpoint):
    sizes = [case[name] for name in ("imageSize", "patchSize", "embedDim", "depth", "numHeads", "numClasses")]
    model = DistilledViT(*sizes, stem=case.get("stemChannels"))
    model.load_state_dict(torch.load(checkpoint, map_location="cpu")["model"])
    return model.eval()


def predict(model, images):
    cls, dist = model(images)
    return (cls + dist) / 2


def main():
    config = json.loads(sys.argv[1])
    case, batch = config["case"], config["batch"]
    torch.set_num_threads(config["threads"])
    model = load_model(case, config["checkpoint"])
    transform = transform_of(case["imageSize"], config["mean"], config["std"])
    loaders, compiled = {}, []

    def answer(question):
        if question["do"] == "model":
            images = torch.randn(batch, 3, case["imageSize"], case["imageSize"])
            if question.get("compile") and not compiled:
                torch.set_float32_matmul_precision("high")
                compiled.append(torch.compile(model, dynamic=False))
            network = compiled[0] if question.get("compile") else model
            start = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=question["precision"] == "bfloat16"):
                for _ in range(0, question["images"], batch):
                    predict(network, images).tolist()
            return {"seconds": time.perf_counter() - start}
        key = len(question["paths"])
        if key not in loaders:  # its workers stay
            files = Files(question["paths"], transform)
            loaders[key] = DataLoader(files, batch, num_workers=config["threads"], persistent_workers=True)
        start = time.perf_counter()
        logits = [predict(model, images) for images in loaders[key]]
        top = [each.softmax(1).topk(min(5, each.shape[1])) for each in logits]
        [each.indices.tolist() for each in top]
        seconds = time.perf_counter() - start
        return {"logits": torch.cat(logits).tolist()} if question["do"] == "logits" else {"seconds": seconds}

    with torch.inference_mode():
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
