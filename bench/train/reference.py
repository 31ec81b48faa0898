"""The work of bench/train in PyTorch's Python front end: what a user would write, nothing tuned.

    python3 reference.py CASE PRECISION STEPS CONFIG    prints one JSON line

CASE is step-teacher, step-student, check-teacher or check-student; PRECISION float32 or bfloat16 (autocast). CONFIG is JSON: `recipe` (as the
project resolves it), `threads`, `counts` (training images per class) and for a check `file` (weights and batch to start from)
and `mixes` (how each step mixes).
"""
import copy
import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from networks import DistilledViT, ResNet32

WARM_UP = 2


class LDAMLoss(torch.nn.Module):
    def __init__(self, counts, max_m, s):
        super().__init__()
        margins = 1.0 / np.sqrt(np.sqrt(counts))
        self.margins = torch.tensor(margins * (max_m / margins.max()), dtype=torch.float32)
        self.s = s

    def forward(self, x, target):
        index = F.one_hot(target, x.shape[1])
        margin = (index * self.margins).sum(dim=1, keepdim=True)
        return F.cross_entropy(self.s * torch.where(index.bool(), x - margin, x), target)


class SAM:
    """Two passes around an optimizer, parameter after parameter."""

    def __init__(self, optimizer, rho):
        self.optimizer, self.rho, self.old = optimizer, rho, {}
        self.params = [p for group in optimizer.param_groups for p in group["params"]]

    @torch.no_grad()
    def first_step(self):
        norm = torch.norm(torch.stack([p.grad.norm(p=2) for p in self.params]), p=2)
        scale = self.rho / (norm + 1e-12)
        for p in self.params:
            self.old[p] = p.data.clone()
            p.add_(p.grad * scale)
        self.optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def second_step(self):
        for p in self.params:
            p.data = self.old[p]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class Mixup:
    """Mixup or CutMix of the batch with itself in reverse order, and soft labels; one draw per batch."""

    def __init__(self, mixup, cutmix, probability, switch, smoothing, classes):
        self.mixup, self.cutmix, self.probability, self.switch = mixup, cutmix, probability, switch
        self.smoothing, self.classes = smoothing, classes

    def draw(self, height, width):
        if np.random.rand() > self.probability:
            return {"kind": "none", "lambda": 1.0}
        if np.random.rand() >= self.switch:
            return {"kind": "mixup", "lambda": np.random.beta(self.mixup, self.mixup)}
        ratio = math.sqrt(1 - np.random.beta(self.cutmix, self.cutmix))
        cut_h, cut_w = int(height * ratio), int(width * ratio)
        cy, cx = np.random.randint(height), np.random.randint(width)
        top, bottom = np.clip([cy - cut_h // 2, cy + cut_h // 2], 0, height).tolist()
        left, right = np.clip([cx - cut_w // 2, cx + cut_w // 2], 0, width).tolist()
        box = {"top": top, "left": left, "height": bottom - top, "width": right - left}
        return {"kind": "cutmix", "lambda": 1 - box["height"] * box["width"] / (height * width), "box": box}

    def __call__(self, x, target, mix=None):
        """Changes `x`."""
        mix = mix or self.draw(*x.shape[2:])
        lam = mix["lambda"]
        if mix["kind"] == "mixup":
            flipped = x.flip(0).mul_(1 - lam)
            x.mul_(lam).add_(flipped)
        elif mix["kind"] == "cutmix":
            box = mix["box"]
            rows = slice(box["top"], box["top"] + box["height"])
            columns = slice(box["left"], box["left"] + box["width"])
            x[:, :, rows, columns] = x.flip(0)[:, :, rows, columns]
        off = self.smoothing / self.classes
        on = 1 - self.smoothing + off
        hot = torch.full((len(target), self.classes), off).scatter_(1, target[:, None], on)
        return x, hot * lam + hot.flip(0) * (1 - lam)


class Ema:
    def __init__(self, model, decay):
        self.module, self.decay = copy.deepcopy(model).eval(), decay

    @torch.no_grad()
    def update(self, model):
        for average, value in zip(self.module.state_dict().values(), model.state_dict().values()):
            average.copy_(self.decay * average + (1 - self.decay) * value)


def load(path):
    """Tensors of a safetensors file."""
    types = {"F32": np.float32, "I64": np.int64}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*v["data_offsets"])], types[v["dtype"]]).reshape(v["shape"]).copy())
        for name, v in header.items()
    }


def weights(tensors, prefix):
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


def teacher_step(recipe, counts, tensors, autocast):
    recipe = recipe["teacher"]
    model = ResNet32(len(counts))
    if tensors:
        model.load_state_dict(weights(tensors, "model."))
    model.train()
    o = recipe["optimizer"]
    optimizer = torch.optim.SGD(model.parameters(), lr=o["lr"], momentum=o["momentum"], weight_decay=o["weightDecay"], nesterov=o["nesterov"])
    sam = SAM(optimizer, recipe["sam"]["rho"])
    criterion = LDAMLoss(np.array(counts), recipe["loss"]["maxMargin"], recipe["loss"]["scale"])

    def loss_of(images, labels):
        with autocast():
            logits = model(images)
        return criterion(logits.float(), labels)

    def step(images, labels, mix):
        loss = loss_of(images, labels)
        loss.backward()
        sam.first_step()
        loss_of(images, labels).backward()
        sam.second_step()
        return loss.item()

    return step


def decay_groups(model, weight_decay):
    groups = {True: [], False: []}
    for name, p in model.named_parameters():
        groups[p.ndim <= 1 or name.endswith(".bias") or name in ("pos_embed", "cls_token", "dist_token")].append(p)
    return [{"params": groups[True], "weight_decay": 0.0}, {"params": groups[False], "weight_decay": weight_decay}]


def student_step(recipe, counts, tensors, autocast):
    size = recipe["teacher"]["imageSize"]
    statistics = [torch.tensor(recipe[who][what]).view(1, 3, 1, 1) for who in ("student", "teacher") for what in ("mean", "std")]
    mean, std, teacher_mean, teacher_std = statistics
    recipe = recipe["student"]
    m, o, mixing, alpha = recipe["model"], recipe["optimizer"], recipe["mixing"], recipe["distillation"]["alpha"]
    model = DistilledViT(recipe["imageSize"], m["patchSize"], m["embedDim"], m["depth"], m["numHeads"], len(counts))
    teacher = ResNet32(len(counts))
    if tensors:
        model.load_state_dict(weights(tensors, "model."))
        teacher.load_state_dict(weights(tensors, "teacher."))
    model.train()
    teacher.eval()
    optimizer = torch.optim.AdamW(decay_groups(model, o["weightDecay"]), lr=o["lr"], betas=o["betas"])
    mixup = Mixup(mixing["mixup"], mixing["cutmix"], mixing["probability"], mixing["switchProbability"], recipe["labelSmoothing"], len(counts))
    ema = Ema(model, recipe["ema"])

    def step(images, labels, mix):
        images, targets = mixup(images, labels, mix)
        with autocast():
            with torch.no_grad():
                x = F.interpolate(images, size=size, mode="bicubic", antialias=True)
                answers = teacher((x * std + mean - teacher_mean) / teacher_std).argmax(dim=1)
            cls, dist = model(images)
        base = torch.sum(-targets * F.log_softmax(cls.float(), dim=-1), dim=-1).mean()
        loss = (1 - alpha) * base + alpha * F.cross_entropy(dist.float(), answers)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        ema.update(model)
        return loss.item()

    return step


def main():
    case, precision, steps, config = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    part, kind = case.split("-")
    recipe, counts = config["recipe"], config["counts"]
    torch.manual_seed(0)
    np.random.seed(0)
    torch.set_num_threads(config["threads"])
    autocast = lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16")
    tensors = load(config["file"]) if part == "check" else None
    step = {"teacher": teacher_step, "student": student_step}[kind](recipe, counts, tensors, autocast)

    batch, size = recipe[kind]["batchSize"], recipe[kind]["imageSize"]
    losses, times = [], []
    for i in range(steps if tensors else steps + WARM_UP):
        images = tensors["images"].clone() if tensors else torch.randn(batch, 3, size, size)
        labels = tensors["labels"] if tensors else torch.randint(0, len(counts), (batch,))
        start = time.perf_counter()
        losses.append(step(images, labels, config["mixes"][i] if tensors else None))
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"times": times[WARM_UP:], "losses": losses, "peakBytes": peak, "threads": torch.get_num_threads(), "version": torch.__version__}))


main()
