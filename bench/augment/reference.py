"""The student's augmentation in Pillow and torchvision, image after image, as one writes it for a PyTorch DataLoader.

    python3 reference.py    answers questions, one JSON line each, from standard input

`{"do": "check", "pipeline": …, "plans": […], "images": FILE}` makes images from given choices and tells how far they are from those
in FILE (float32, `[n, 3, S, S]`). `{"do": "time", "pipeline": …, "count": n, "batch": b}` draws its own choices and times n images.
`pipeline` has `name`, `size`, `crop` (resized or padded), `mean`, `std`, and `source`, memory or files: the images of the file
`pixels` (n · 32 · 32 · 3 bytes) or of the `folder` (0.jpg and so on, as many as `files` says), which stand in the question.
"""
import json
import math
import random
import resource
import sys
import time

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import functional as F

FILL = (124, 116, 104)  # the mean colour of ImageNet
SIDE = 32
torch.set_num_threads(1)


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, resample=Image.BICUBIC, fillcolor=FILL)


def solarize_add(image, amount):
    table = [min(255, level + amount) if level < 128 else level for level in range(256)]
    return image.point(table * 3)


# Operation and argument, as the plans of this project name them.
OPERATIONS = {
    "identity": lambda image, _: image,
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "invert": lambda image, _: ImageOps.invert(image),
    "rotate": lambda image, degrees: image.rotate(degrees, resample=Image.BICUBIC, fillcolor=FILL),
    "posterize": lambda image, bits: ImageOps.posterize(image, bits),
    "solarize": lambda image, threshold: ImageOps.solarize(image, threshold),
    "solarizeAdd": solarize_add,
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "shearX": lambda image, shear: affine(image, (1, shear, 0, 0, 1, 0)),
    "shearY": lambda image, shear: affine(image, (1, 0, 0, shear, 1, 0)),
    "translateX": lambda image, share: affine(image, (1, 0, share * image.size[0], 0, 1, 0)),
    "translateY": lambda image, share: affine(image, (1, 0, 0, 0, 1, share * image.size[1])),
}


def either(value):
    return -value if random.random() > 0.5 else value


# The argument at a magnitude from 0 to 10: timm's increasing set.
ARGUMENTS = {
    "autocontrast": lambda m: None,
    "equalize": lambda m: None,
    "invert": lambda m: None,
    "rotate": lambda m: either(m / 10 * 30),
    "posterize": lambda m: 4 - int(m / 10 * 4),
    "solarize": lambda m: 256 - min(256, int(m / 10 * 256)),
    "solarizeAdd": lambda m: min(128, int(m / 10 * 110)),
    "color": lambda m: max(0.1, 1 + either(m / 10 * 0.9)),
    "contrast": lambda m: max(0.1, 1 + either(m / 10 * 0.9)),
    "brightness": lambda m: max(0.1, 1 + either(m / 10 * 0.9)),
    "sharpness": lambda m: max(0.1, 1 + either(m / 10 * 0.9)),
    "shearX": lambda m: either(m / 10 * 0.3),
    "shearY": lambda m: either(m / 10 * 0.3),
    "translateX": lambda m: either(m / 10 * 0.45),
    "translateY": lambda m: either(m / 10 * 0.45),
}
NAMES = list(ARGUMENTS)


def draw_operations():
    """rand-m9-mstd0.5-inc1: two of the fifteen, each with probability 1/2."""
    drawn = []
    for name in np.random.choice(NAMES, 2):
        if random.random() > 0.5:
            continue
        magnitude = max(0.0, min(10.0, random.gauss(9, 0.5)))
        drawn.append({"op": name, "arg": ARGUMENTS[name](magnitude)})
    return drawn


def draw_resized_crop(width, height):
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
        if w <= width and h <= height:
            return {"y": random.randint(0, height - h), "x": random.randint(0, width - w), "width": w, "height": h}
    side = min(width, height)
    return {"x": (width - side) // 2, "y": (height - side) // 2, "width": side, "height": side}


def draw_padded_crop(width, height):
    x, y = random.randint(0, 8) - 4, random.randint(0, 8) - 4
    return {"x": x, "y": y, "width": width, "height": height}


def draw_box(size):
    if random.random() > 0.25:
        return None
    for _ in range(10):
        area = random.uniform(0.02, 1 / 3) * size * size
        aspect = math.exp(random.uniform(math.log(0.3), math.log(1 / 0.3)))
        h, w = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
        if w < size and h < size:
            return {"top": random.randint(0, size - h), "left": random.randint(0, size - w), "height": h, "width": w}
    return None


def draw(pipeline, width, height):
    resized = pipeline["crop"] == "resized"
    window = draw_resized_crop(width, height) if resized else draw_padded_crop(width, height)
    return {
        "window": {**window, "flip": random.random() < 0.5},
        "ops": draw_operations(),
        "box": draw_box(pipeline["size"]),
    }


def crop(image, window, size, resized):
    x, y, width, height = (window[key] for key in ("x", "y", "width", "height"))
    if resized:
        return image.crop((x, y, x + width, y + height)).resize((size, size), Image.BICUBIC)
    image = ImageOps.expand(image, border=4, fill=0)
    return image.crop((x + 4, y + 4, x + 4 + width, y + 4 + height))


def apply(image, pipeline, plan):
    """The tensor of one image, `[3, S, S]`."""
    image = crop(image, plan["window"], pipeline["size"], pipeline["crop"] == "resized")
    if plan["window"]["flip"]:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    for choice in plan["ops"]:
        image = OPERATIONS[choice["op"]](image, choice["arg"])
    tensor = F.normalize(F.to_tensor(image), pipeline["mean"], pipeline["std"])
    box = plan["box"]
    if box:
        rows, columns = box_slices(box)
        tensor[:, rows, columns] = torch.empty(3, box["height"], box["width"]).normal_()
    return tensor


def box_slices(box):
    return slice(box["top"], box["top"] + box["height"]), slice(box["left"], box["left"] + box["width"])


class Images:
    """The source images, from memory or from files."""

    def __init__(self, question):
        self.files = None
        if question["pipeline"]["source"] == "files":
            self.files = [f"{question['folder']}/{i}.jpg" for i in range(question["files"])]
        else:
            self.pixels = np.fromfile(question["pixels"], np.uint8).reshape(-1, SIDE, SIDE, 3)

    def __len__(self):
        return len(self.files or self.pixels)

    def __getitem__(self, index):
        if self.files:
            with open(self.files[index], "rb") as file:
                return Image.open(file).convert("RGB")
        return Image.fromarray(self.pixels[index])


def compare(pipeline, images, plans, file):
    """Distances in levels, outside of what was erased."""
    size = pipeline["size"]
    others = torch.from_numpy(np.fromfile(file, np.float32).reshape(-1, 3, size, size))
    mean, std = (torch.tensor(pipeline[key]).view(3, 1, 1) for key in ("mean", "std"))
    levels = lambda tensor: (tensor * std + mean) * 255
    apart, worst = [], []
    for index, (plan, other) in enumerate(zip(plans, others)):
        distance = (levels(apply(images[index], pipeline, plan)) - levels(other)).abs()
        if plan["box"]:
            distance[(slice(None), *box_slices(plan["box"]))] = 0
        apart.append(distance.flatten())
        worst.append({"index": index, "mean": distance.mean().item(), "most": distance.max().item(), "ops": plan["ops"]})
    distances = torch.cat(apart)
    return {
        "mean": distances.mean().item(),
        "within2": (distances <= 2.001).float().mean().item(),
        "most": distances.max().item(),
        "equalImages": sum(one["most"] < 0.01 for one in worst),
        "worst": sorted(worst, key=lambda one: -one["mean"])[:3],
    }


def time_images(pipeline, images, question):
    count, batch = question["count"], question["batch"]
    first = question["epoch"] * count
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, count, batch):
        samples = []
        for i in range(start, min(count, start + batch)):
            image = images[(first + i) % len(images)]
            samples.append(apply(image, pipeline, draw(pipeline, *image.size)))
        torch.stack(samples)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def answer(question, known):
    pipeline = question["pipeline"]
    key = pipeline["name"]
    if key not in known:
        known[key] = Images(question)
    images = known[key]
    if question["do"] == "check":
        result = compare(pipeline, images, question["plans"], question["images"])
    else:
        result = time_images(pipeline, images, question)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**result, "peakBytes": peak}


if __name__ == "__main__":
    known = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), known)), flush=True)
