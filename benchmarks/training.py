"""Where the time of a training step goes, and what a GPU makes of the recipes."""

import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import HERE, Outcome, Row, fill, main, table
from benchmarks.pictures import Repeated, fields, origin
from hpa_lit.data import dihedral
from hpa_lit.data.loading import one_thread
from hpa_lit.files import rgby
from hpa_lit.losses import ArcFaceLoss, CombinedLoss
from hpa_lit.nets import build_classifier, build_embedder

ANTIBODIES = 12_815
# Dense bf16 operations a second, by the makers' data sheets.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}


@dataclass(frozen=True)
class Recipe:
    """method 7: what decides how long a step takes."""

    arch: str
    size: int
    crop: int | None
    batch: int

    def net(self) -> nn.Module:
        """The network, untrained."""
        if self.crop is None:
            return build_embedder(self.arch, ANTIBODIES)
        return build_classifier(self.arch)

    @property
    def side(self) -> int:
        """Side of what the network sees."""
        return self.crop or self.size


RECIPES = {
    "densenet121_i768": Recipe("densenet121", 768, 512, 48),
    "densenet121_large_i1536": Recipe("densenet121_large", 1536, 1024, 36),
    "inceptionv3_i768": Recipe("inceptionv3", 768, 512, 64),
    "resnet34_i1536": Recipe("resnet34", 1536, 1024, 48),
    "arcface_resnet50_i768": Recipe("resnet50_arcface", 768, None, 32),
}


def profile(recipe: Recipe, count: int, repeats: int) -> dict[str, float]:
    """Milliseconds an image of every stage of training, on one core, from the default store."""
    spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        spent[name].append(1000 * (time.perf_counter() - begin) / count)

    net, loss = build_classifier(recipe.arch), CombinedLoss()
    mean, std = net.statistics.sum(0)[:, :, None, None]
    optimizer = torch.optim.Adam(net.parameters(), 3e-4, fused=True)
    target = (torch.rand(count, 28, generator=torch.Generator().manual_seed(0)) < 0.1).to(torch.uint8)
    sides = np.linspace(recipe.side, recipe.size, count).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        for row, image in enumerate(fields(recipe.size, count)):
            rgby.write(Path(folder) / f"i{row}.tif", image, f"i{row}")
        files = list(rgby.list_images(Path(folder)).values())
        for _ in range(repeats):
            with stage("decode"):
                images = [rgby.read_channels(file) for file in files]
            with stage("crop"):
                crops = [[p[:side, :side] for p in planes] for planes, side in zip(images, sides, strict=True)]
            with stage("resize"):
                squares = [[rgby.resize(plane, recipe.side) for plane in planes] for planes in crops]
            with stage("collate"):
                places = np.empty((count, 4, recipe.side, recipe.side), np.uint8)
            with stage("turn"):
                for row, (planes, place) in enumerate(zip(squares, places, strict=True)):
                    turn(planes, row, place)
            with stage("copy"):
                batch = torch.from_numpy(places).to("cpu")
            with stage("normalise"):
                normal = (batch.float() / 255 - mean) / std
            with stage("forward"):
                logits = net.classifier(net.head(net.backbone(normal)))
            with stage("loss"):
                value = loss(logits, target)
            with stage("backward"):
                value.backward()
            with stage("step"):
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
    return {name: statistics.median(values) for name, values in spent.items()}


def turn(planes: list[rgby.Pixels], row: int, places: rgby.Pixels) -> None:
    """Write planes (C, H, W) to their places in one of the eight views."""
    for plane, place in zip(planes, places, strict=True):
        dihedral.apply_plane(dihedral.VIEWS[row % len(dihedral.VIEWS)], plane, place)


class Step:
    """A training step: plain in fp32, or fast: bf16, channels_last, fused Adam, compiled."""

    def __init__(self, recipe: Recipe, fast: bool, device: str) -> None:
        torch.manual_seed(0)
        self.fast, self.device, self.recipe = fast, device, recipe
        self.net = recipe.net().to(device, memory_format=torch.channels_last if fast else torch.contiguous_format)
        self.loss = ArcFaceLoss() if recipe.crop is None else CombinedLoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), 3e-4, fused=fast, foreach=False if not fast else None)
        if fast and device == "cuda":
            self.net.compile()

    def __call__(self, images: Tensor, target: Tensor) -> None:
        """Forward, backward, clip, step."""
        images = images.to(memory_format=torch.channels_last if self.fast else torch.contiguous_format)
        with torch.autocast(self.device, torch.bfloat16) if self.fast else nullcontext():
            scores = self.net(images)
        self.loss(scores, target).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def targets(self, count: int) -> Tensor:
        """Some targets for so many images."""
        if self.recipe.crop is None:
            return torch.randint(0, ANTIBODIES, (count,), device=self.device)
        return (torch.rand(count, 28, device=self.device) < 0.1).to(torch.uint8)


def rate(step: Step, batch: int, steps: int) -> tuple[float, float]:
    """Images a second and GiB of the GPU's memory at most, from images that lie there."""
    shape = (batch, 4, step.recipe.side, step.recipe.side)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=step.device)
    target = step.targets(batch)
    cuda = step.device == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    for done in range(steps + 3):
        if done == 3:  # warm, and compiled
            if cuda:
                torch.cuda.synchronize()
            begin = time.perf_counter()
        step(images, target)
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begin
    return steps * batch / seconds, torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0


def input_wait(step: Step, batch: int, folder: Path, steps: int, workers: int | None = None) -> float:
    """Share of the time that training from the default store waits for the loader."""
    recipe = step.recipe
    for row, image in enumerate(fields(recipe.size, 16)):
        rgby.write(folder / f"i{row}.tif", image, f"i{row}")
    loader = Repeated(folder, batch * (steps + 3), recipe.size, recipe.crop, batch, workers).train_dataloader()
    waited, begin, before = 0.0, 0.0, time.perf_counter()
    for number, item in enumerate(loader):
        if number == 3:
            begin, waited = time.perf_counter(), 0.0
        waited += time.perf_counter() - before
        step(item["image"].to(step.device, non_blocking=True), step.targets(batch))
        if step.device == "cuda":
            torch.cuda.synchronize()
        before = time.perf_counter()
    return waited / (before - begin)


def operations(recipe: Recipe, device: str) -> float:
    """Floating point operations of a step, an image."""
    step, shape = Step(recipe, False, device), (2, 4, recipe.side, recipe.side)
    with FlopCounterMode(display=False) as counter:
        step(torch.zeros(shape, dtype=torch.uint8, device=device), step.targets(2))
    return counter.get_total_flops() / 2


def on_device(name: str, recipe: Recipe, device: str, steps: int) -> tuple[Row, dict[str, float]]:
    """One recipe, plain and fast; the batch is halved until the plain way fits into the memory."""
    batch = recipe.batch
    while True:
        try:
            plain, plain_memory = rate(Step(recipe, False, device), batch, steps)
            break
        except torch.OutOfMemoryError:
            batch //= 2
    step = Step(recipe, True, device)
    fast, memory = rate(step, batch, steps)
    with tempfile.TemporaryDirectory() as folder:
        wait = input_wait(step, batch, Path(folder), steps)
    work = operations(recipe, device) * fast
    gpu = torch.cuda.get_device_name() if device == "cuda" else ""
    peak = next((value for key, value in PEAK.items() if key in gpu), None)
    row = Row(
        f"training step on a GPU: {name}, batch {batch}",
        "2.5 x fp32 eager; input wait under 5 %",
        f"{fast / plain:.1f} x ({fast:.0f} images/s, {memory:.1f} GiB); input wait {100 * wait:.0f} %",
        f"{100 * work / peak:.0f} % of the peak" if peak else f"{1e-12 * work:.1f} TFLOP/s",
        f"fp32 eager: {plain:.0f} images/s, {plain_memory:.1f} GiB; bf16 + channels_last + fused Adam + compile",
    )
    figures = {"plain": plain, "fast": fast, "memory": memory, "plain_memory": plain_memory, "input_wait": wait}
    return row, figures | {"operations": work, "batch": batch}


def run(small: bool) -> Outcome:
    """Where the time of an image goes on one core, and the recipes on a GPU where there is one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one_thread(0)
    tiny = Recipe("resnet18", 48, 32, 4)
    stages = profile(tiny if small else RECIPES["densenet121_i768"], 4, 1 if small else 5)
    torch.set_num_threads(threads)
    outcome = Outcome(figures={"profile": stages})
    if small:
        on_device("tiny", tiny, "cpu", 1)
    elif torch.cuda.is_available():
        for name, recipe in RECIPES.items():
            row, figures = on_device(name, recipe, "cuda", 20)
            outcome.rows.append(row)
            outcome.figures[name] = figures
    else:
        work = "training step on a GPU, all recipes"
        outcome.rows.append(
            Row(work, "2.5 x fp32 eager; input wait under 5 %", "not measured", "", "no GPU was at hand")
        )
    if not small:
        show(stages)
    return outcome


def show(stages: dict[str, float]) -> None:
    """Write the profile into the page, beside that of the state before."""
    before = json.loads((HERE / "results" / "before.json").read_text())["profile"]
    lines = [[stage, f"{before[stage]:.2f}", f"{stages[stage]:.2f}"] for stage in stages]
    totals = ["sum", *(f"{sum(values.values()):.2f}" for values in (before, stages))]
    text = table(["stage, ms an image", "before", "now"], [*lines, totals])
    fill("profile", f"{text}\n\nPictures: {origin()}.")


if __name__ == "__main__":
    main("training", run)
