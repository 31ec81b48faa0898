"""The work of bench/train in PyTorch's Python front end: what a user would write, nothing tuned.

    python3 reference.py CASE PRECISION STEPS CONFIG    prints one JSON line

CASE is step-KIND or check-KIND, with KIND teacher, student, paco or glmc; PRECISION float32 or bfloat16 (autocast). CONFIG is JSON:
`recipe` (as the project resolves it), `epoch`, `threads`, `counts` (training images per class) and for a check `file` (weights and batches
to start from) and `mixes` (how each step mixes; GLMC's two mixtures one after the other). `peer` is plain (default), eager or compile: the last
two are what an informed user writes, channels last for convolutions, fused optimizers, averages of all tensors at once and
`set_float32_matmul_precision("high")`, without and with `torch.compile`. `device` is cpu (default) or cuda.

    python3 reference.py serve PRECISION 0 CONFIG       answers JSON lines, {"steps": n, "sam": whether}, with {"times", "loss"}
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

from networks import Attention, CosineLinear, DistilledViT, ResNet32

WARM_UP = 2


def informed(config):
    return config.get("peer", "plain") != "plain"


def cnn(recipe, classes):
    """The teacher's network: the CIFAR ResNet-32, or one of torchvision's."""
    name = recipe["model"]["name"]
    if name == "resnet32":
        return ResNet32(classes)
    import torchvision

    model = getattr(torchvision.models, name)()
    model.fc = CosineLinear(model.fc.in_features, classes)
    return model


def prepare(model, config):
    """On its device; for informed peers channels last, and compiled where that is asked for: the result is for calls alone."""
    model.to(config.get("device", "cpu"))
    if not informed(config):
        return model
    model.to(memory_format=torch.channels_last)
    return torch.compile(model, dynamic=False) if config["peer"] == "compile" else model


class LDAMLoss(torch.nn.Module):
    def __init__(self, counts, max_m, s):
        super().__init__()
        margins = 1.0 / np.sqrt(np.sqrt(counts))
        self.register_buffer("margins", torch.tensor(margins * (max_m / margins.max()), dtype=torch.float32))
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
        moved = [p for p in self.params if p.grad is not None]
        norm = torch.norm(torch.stack([p.grad.norm(p=2) for p in moved]), p=2)
        scale = self.rho / (norm + 1e-12)
        for p in moved:
            self.old[p] = p.data.clone()
            p.add_(p.grad * scale)
        self.optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def second_step(self):
        for p, value in self.old.items():
            p.data = value
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class TogetherSAM(SAM):
    """The same with operators for all parameters at once."""

    @torch.no_grad()
    def first_step(self):
        gradients = [p.grad for p in self.params]
        scale = self.rho / (torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) + 1e-12)
        self.saved = [p.detach().clone() for p in self.params]
        torch._foreach_add_(self.params, torch._foreach_mul(gradients, scale))
        self.optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def second_step(self):
        torch._foreach_copy_(self.params, self.saved)
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
        hot = torch.full((len(target), self.classes), off, device=target.device).scatter_(1, target[:, None], on)
        return x, hot * lam + hot.flip(0) * (1 - lam)


class Ema:
    def __init__(self, model, decay):
        self.module, self.decay = copy.deepcopy(model).eval(), decay

    @torch.no_grad()
    def update(self, model):
        for average, value in zip(self.module.state_dict().values(), model.state_dict().values()):
            average.copy_(self.decay * average + (1 - self.decay) * value)


class TogetherEma(Ema):
    """The same for all tensors at once, as timm's ModelEmaV3."""

    @torch.no_grad()
    def update(self, model):
        pairs = list(zip(self.module.state_dict().values(), model.state_dict().values()))
        smooth = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([average for average, _ in smooth], [value for _, value in smooth], 1 - self.decay)
        for average, value in pairs:
            if not average.is_floating_point():
                average.copy_(value)


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


def sgd_with_sam(recipe, parameters, config=None):
    o, fused = recipe["optimizer"], config is not None and informed(config)
    more = {"fused": True} if fused else {}
    optimizer = torch.optim.SGD(
        list(parameters), lr=o["lr"], momentum=o["momentum"], weight_decay=o["weightDecay"], nesterov=o["nesterov"], **more
    )
    return (TogetherSAM if fused else SAM)(optimizer, recipe["sam"]["rho"])


def teacher_step(config, tensors, autocast):
    recipe, counts = config["recipe"]["teacher"], config["counts"]
    model = cnn(recipe, len(counts))
    if tensors:
        model.load_state_dict(weights(tensors, "model."))
    model.train()
    call = prepare(model, config)
    sam = sgd_with_sam(recipe, model.parameters(), config)
    criterion = LDAMLoss(np.array(counts), recipe["loss"]["maxMargin"], recipe["loss"]["scale"]).to(config.get("device", "cpu"))

    def loss_of(images, labels):
        with autocast():
            logits = call(images)
        return criterion(logits.float(), labels)

    def step(batch, partners, mixes, with_sam=True):
        loss = loss_of(batch["images"], batch["labels"])
        loss.backward()
        if not with_sam:
            sam.optimizer.step()
            sam.optimizer.zero_grad(set_to_none=True)
            return loss.item()
        sam.first_step()
        loss_of(batch["images"], batch["labels"]).backward()
        sam.second_step()
        return loss.item()

    return step


class PaCo(torch.nn.Module):
    """Query and key encoder with their heads, and the queue: the layout of MoCo."""

    def __init__(self, classes, dim, size):
        super().__init__()
        head = lambda: torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU(), torch.nn.Linear(64, dim))
        self.encoder, self.head = ResNet32(classes, cosine=False), head()
        self.key_encoder, self.key_head = ResNet32(classes, cosine=False), head()
        self.register_buffer("queue", F.normalize(torch.randn(size, dim), dim=1))
        self.register_buffer("queue_labels", torch.randint(0, classes, (size,)))
        self.place = 0

    def load(self, tensors):
        self.encoder.load_state_dict(weights(tensors, "model."))
        for name in ("head", "key_encoder", "key_head"):
            getattr(self, name).load_state_dict(weights(tensors, f"companion.{name}."))
        self.queue.copy_(tensors["companion.queue.embeddings"])
        self.queue_labels.copy_(tensors["companion.queue.labels"])

    def learning(self):
        return [*self.encoder.parameters(), *self.head.parameters()]

    @torch.no_grad()
    def move_keys(self, momentum):
        keys = [*self.key_encoder.parameters(), *self.key_head.parameters()]
        for key, query in zip(keys, self.learning()):
            key.data = key.data * momentum + query.data * (1 - momentum)

    @torch.no_grad()
    def enqueue(self, keys, labels):
        places = (torch.arange(len(keys)) + self.place) % len(self.queue)
        self.queue[places], self.queue_labels[places] = keys, labels
        self.place = (self.place + len(keys)) % len(self.queue)

    def queries(self, images):
        features = self.encoder.features(images)
        return F.normalize(self.head(features).float(), dim=1), self.encoder.linear(features).float()

    @torch.no_grad()
    def keys(self, images):
        return F.normalize(self.key_head(self.key_encoder.features(images)).float(), dim=1)


class PaCoLoss(torch.nn.Module):
    """As dvlab-research/Parametric-Contrastive-Learning has it."""

    def __init__(self, counts, recipe):
        super().__init__()
        self.alpha, self.beta, self.gamma = recipe["alpha"], recipe["beta"], recipe["gamma"]
        self.temperature, self.supt = recipe["temperature"], recipe["classTemperature"]
        self.weight = torch.tensor(counts, dtype=torch.float32)[None] / sum(counts)

    def forward(self, features, labels, logits):
        batch, classes = logits.shape
        labels = labels[:, None]
        mask = torch.eq(labels[:batch], labels.T).float()
        similarity = features[:batch] @ features.T / self.temperature
        scores = torch.cat([(logits + torch.log(self.weight + 1e-9)) / self.supt, similarity], dim=1)
        stable = scores - scores.max(dim=1, keepdim=True).values.detach()
        others = torch.scatter(torch.ones_like(mask), 1, torch.arange(batch)[:, None], 0)
        mask = torch.cat([F.one_hot(labels[:batch, 0], classes).float() * self.beta, mask * others * self.alpha], dim=1)
        others = torch.cat([torch.ones(batch, classes), self.gamma * others], dim=1)
        log_prob = stable - torch.log((torch.exp(stable) * others).sum(1, keepdim=True) + 1e-12)
        return -((mask * log_prob).sum(1) / mask.sum(1)).mean()


def paco_step(config, tensors, autocast):
    recipe, counts = config["recipe"]["teacher"], config["counts"]
    paco = recipe["loss"]
    model = PaCo(len(counts), paco["embedding"], paco["queue"])
    if tensors:
        model.load(tensors)
    model.train()
    sam = sgd_with_sam(recipe, model.learning())
    criterion = PaCoLoss(counts, paco)

    def step(batch, partners, mixes):
        labels = batch["labels"]
        model.move_keys(paco["momentum"])
        with autocast():
            keys = model.keys(batch["view"])
        queue, queue_labels = model.queue.clone(), model.queue_labels.clone()
        model.enqueue(keys, labels)

        def loss_of():
            with autocast():
                queries, logits = model.queries(batch["images"])
            return criterion(torch.cat([queries, keys, queue]), torch.cat([labels, labels, queue_labels]), logits)

        loss = loss_of()
        loss.backward()
        sam.first_step()
        loss_of().backward()
        sam.second_step()
        return loss.item()

    return step


class Glmc(torch.nn.Module):
    """One network with a plain and a balanced classifier, a projector and a predictor."""

    def __init__(self, classes, dim):
        super().__init__()
        self.encoder, self.plain = ResNet32(classes, cosine=False), torch.nn.Linear(64, classes)
        self.projector, self.predictor = torch.nn.Linear(64, dim), torch.nn.Linear(dim, dim)

    def load(self, tensors):
        self.encoder.load_state_dict(weights(tensors, "model."))
        for name in ("plain", "projector", "predictor"):
            getattr(self, name).load_state_dict(weights(tensors, f"companion.{name}."))

    def forward(self, images):
        features = self.encoder.features(images)
        projection = self.projector(features)
        outputs = self.plain(features), self.encoder.linear(features), projection, self.predictor(projection)
        return [output.float() for output in outputs]


def glmc_step(config, tensors, autocast):
    recipe, counts = config["recipe"]["teacher"], config["counts"]
    glmc, share = recipe["loss"], 1 - (config["epoch"] / recipe["epochs"]) ** 2
    model = Glmc(len(counts), glmc["embedding"])
    if tensors:
        model.load(tensors)
    model.train()
    sam = sgd_with_sam(recipe, model.parameters())
    weight = torch.tensor(counts, dtype=torch.float32) ** -glmc["labelPower"]
    weight = weight / weight.sum() * len(counts)
    one_hot = lambda labels: F.one_hot(labels, len(counts)).float()
    soft_ce = lambda logits, targets: -(targets * F.log_softmax(logits, dim=1)).sum(1).mean()
    likeness = lambda a, b: F.cosine_similarity(a, b.detach(), dim=1).mean()

    def draw(side):
        lam = np.random.beta(glmc["mixAlpha"], glmc["mixAlpha"])
        cut = int(side * math.sqrt(1 - lam))
        cy, cx = np.random.randint(side), np.random.randint(side)
        top, bottom = np.clip([cy - cut // 2, cy + cut // 2], 0, side).tolist()
        left, right = np.clip([cx - cut // 2, cx + cut // 2], 0, side).tolist()
        box = {"top": top, "left": left, "height": bottom - top, "width": right - left}
        return [{"lambda": lam}, {"lambda": lam, "box": box}]

    def mix(batch, partners, mixes):
        (lam, cut), box = (each["lambda"] for each in mixes), mixes[1]["box"]
        rows, columns = slice(box["top"], box["top"] + box["height"]), slice(box["left"], box["left"] + box["width"])
        mixed, pasted = batch["images"] * lam + partners["images"] * (1 - lam), batch["view"].clone()
        pasted[:, :, rows, columns] = partners["view"][:, :, rows, columns]
        a, b = one_hot(batch["labels"]), one_hot(partners["labels"])
        return mixed, a * lam + b * (1 - lam), pasted, a * cut + b * (1 - cut)

    def step(batch, partners, mixes):
        mixed, y1, pasted, y2 = mix(batch, partners, mixes or draw(batch["images"].shape[3]))

        def loss_of(consistent):
            with autocast():
                (plain1, balanced1, z1, p1), (plain2, balanced2, z2, p2) = model(mixed), model(pasted)
            plain = soft_ce(plain1, y1) + soft_ce(plain2, y2)
            balanced = soft_ce(balanced1, weight * y1) + soft_ce(balanced2, weight * y2)
            loss = share * plain + (1 - share) * balanced
            return loss - glmc["consistency"] * (likeness(p1, z2) + likeness(p2, z1)) if consistent else loss

        loss = loss_of(False)
        loss.backward()
        sam.first_step()
        loss_of(True).backward()
        sam.second_step()
        return loss.item()

    return step


def decay_groups(model, weight_decay):
    groups = {True: [], False: []}
    for name, p in model.named_parameters():
        groups[p.ndim <= 1 or name.endswith(".bias") or name in ("pos_embed", "cls_token", "dist_token")].append(p)
    return [{"params": groups[True], "weight_decay": 0.0}, {"params": groups[False], "weight_decay": weight_decay}]


def student_step(config, tensors, autocast):
    recipe, counts = config["recipe"], config["counts"]
    same_size = recipe["student"]["distillation"]["teacherInput"] == "same-size"
    size = recipe["student" if same_size else "teacher"]["imageSize"]
    device = config.get("device", "cpu")
    statistics = [
        torch.tensor(recipe[who][what], device=device).view(1, 3, 1, 1) for who in ("student", "teacher") for what in ("mean", "std")
    ]
    mean, std, teacher_mean, teacher_std = statistics
    teacher, recipe = cnn(recipe["teacher"], len(counts)), recipe["student"]
    m, o, mixing, alpha = recipe["model"], recipe["optimizer"], recipe["mixing"], recipe["distillation"]["alpha"]
    model = DistilledViT(recipe["imageSize"], m["patchSize"], m["embedDim"], m["depth"], m["numHeads"], len(counts))
    if tensors:
        model.load_state_dict(weights(tensors, "model."))
        teacher.load_state_dict(weights(tensors, "teacher."))
    model.train()
    teacher.eval()
    call, call_teacher = prepare(model, config), prepare(teacher, config)
    more = {"fused": True} if informed(config) else {}
    optimizer = torch.optim.AdamW(decay_groups(model, o["weightDecay"]), lr=o["lr"], betas=o["betas"], **more)
    mixup = Mixup(mixing["mixup"], mixing["cutmix"], mixing["probability"], mixing["switchProbability"], recipe["labelSmoothing"], len(counts))
    ema = (TogetherEma if informed(config) else Ema)(model, recipe["ema"])

    def step(batch, partners, mixes, with_sam=False):
        images, targets = mixup(batch["images"], batch["labels"], mixes and mixes[0])
        with autocast():
            with torch.no_grad():
                x = images
                if x.shape[3] != size:
                    x = F.interpolate(x, size=size, mode="bicubic", antialias=True)
                answers = call_teacher((x * std + mean - teacher_mean) / teacher_std).argmax(dim=1)
            cls, dist = call(images)
        base = torch.sum(-targets * F.log_softmax(cls.float(), dim=-1), dim=-1).mean()
        loss = (1 - alpha) * base + alpha * F.cross_entropy(dist.float(), answers)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        ema.update(model)
        return loss.item()

    return step


STEPS = {"teacher": teacher_step, "student": student_step, "paco": paco_step, "glmc": glmc_step}


def serve(precision, config):
    """Answers {"steps": n, "sam": whether} with the seconds of n steps of the kind `config["kind"]`, after as many for warming up."""
    kind, recipe, classes = config["kind"], config["recipe"], len(config["counts"])
    part, device = recipe["student" if kind == "student" else "teacher"], config.get("device", "cpu")
    autocast = lambda: torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16")
    step = STEPS[kind](config, None, autocast)
    shape = (part["batchSize"], 3, part["imageSize"], part["imageSize"])
    images = torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, shape[:1], device=device)
    synchronize = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    for line in sys.stdin:
        question = json.loads(line)
        times = []
        for _ in range(question["steps"]):
            synchronize()
            start = time.perf_counter()
            loss = step({"images": images.clone(), "labels": labels}, None, None, question["sam"])
            synchronize()
            times.append(time.perf_counter() - start)
        peak = torch.cuda.max_memory_allocated() if device.startswith("cuda") else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"times": times, "loss": loss, "peakBytes": peak, "version": torch.__version__}), flush=True)


def main():
    case, precision, steps, config = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    if informed(config):
        torch.set_float32_matmul_precision("high")
        Attention.fused = config.get("device", "cpu") != "cpu"  # on the CPU products and a softmax are faster
    if case == "serve":
        torch.manual_seed(0)
        torch.set_num_threads(config["threads"])
        return serve(precision, config)
    part, kind = case.split("-")
    recipe, classes = config["recipe"]["student" if kind == "student" else "teacher"], len(config["counts"])
    torch.manual_seed(0)
    np.random.seed(0)
    torch.set_num_threads(config["threads"])
    autocast = lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16")
    tensors = load(config["file"]) if part == "check" else None
    step = STEPS[kind](config, tensors, autocast)

    shape = (recipe["batchSize"], 3, recipe["imageSize"], recipe["imageSize"])
    draw = lambda: {"images": torch.randn(shape), "view": torch.randn(shape), "labels": torch.randint(0, classes, shape[:1])}
    losses, times = [], []
    for i in range(steps if tensors else steps + WARM_UP):
        batch = weights(tensors, "batch.") if tensors else draw()
        batch["images"] = batch["images"].clone()
        if informed(config):
            batch["images"] = batch["images"].contiguous(memory_format=torch.channels_last)
        partners = weights(tensors, "partners.") if tensors else draw()
        per_step = len(config["mixes"]) // steps if tensors else 0
        start = time.perf_counter()
        losses.append(step(batch, partners, config["mixes"][i * per_step : (i + 1) * per_step] if tensors else None))
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"times": times[WARM_UP:], "losses": losses, "peakBytes": peak, "threads": torch.get_num_threads(), "version": torch.__version__}))


main()
