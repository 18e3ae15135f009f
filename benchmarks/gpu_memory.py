"""What a training step of each recipe keeps in a GPU's memory, counted without one."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode  # tensors of shapes alone: no numbers, no memory

from benchmarks.measure import HERE, Outcome, Row, fill, main, table
from benchmarks.training import RECIPES, Recipe

PAGE = HERE.parent / "docs" / "memory.md"
# Bytes a weight: itself, its gradient, and the two means of Adam, each in float32, under bf16-mixed too.
STATE = 16
CARDS = (11, 16, 24, 40, 80)
GPUS = (1, 2, 4)


def saved(recipe: Recipe, batch: int, half: bool, mode: AbstractContextManager[object]) -> int:
    """Bytes that a forward pass of a batch keeps for the backward pass, beside the weights."""
    with mode:
        net = recipe.net()
        images = torch.zeros((batch, 4, recipe.side, recipe.side), dtype=torch.uint8)
        # Tensors that share their memory, such as an activation and its view, count once.
        weights = {memory(tensor) for tensor in (*net.parameters(), *net.buffers())}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if memory(tensor) not in weights:
                kept[memory(tensor)] = tensor.untyped_storage().nbytes()
            return tensor

        autocast = torch.autocast("cpu", torch.bfloat16) if half else nullcontext()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
            scores = net(images)  # holds all that is kept, so that no two have the same place
        assert scores.requires_grad
    return sum(kept.values())


def memory(tensor: Tensor) -> int:
    """What tells the memory of a tensor from that of others."""
    return tensor.untyped_storage()._cdata


def needs(recipe: Recipe) -> dict[str, float]:
    """GiB of the weights and what goes with them, and of an image in float32 and under bf16-mixed."""
    with FakeTensorMode():
        count = sum(weight.numel() for weight in recipe.net().parameters())
    gib = {"state": STATE * count / 2**30}
    for name, half in (("float32", False), ("bf16", True)):
        gib[name] = saved(recipe, recipe.batch, half, FakeTensorMode()) / recipe.batch / 2**30
    return gib


def show(figures: dict[str, dict[str, float]]) -> None:
    """Write into the page what a GPU holds of each recipe's batch, and how many images a card does."""
    held, fitting = [], []
    for name, gib in figures.items():
        batch = RECIPES[name].batch
        for title, precision in (("float32", "float32"), ("bf16-mixed", "bf16")):
            shares = [f"{gib['state'] + gib[precision] * batch / count:.1f}" for count in GPUS]
            held.append([name, title, f"{gib[precision]:.2f}", batch, *shares])
            fitting.append([name, title, *(int((card - gib["state"]) / gib[precision]) for card in CARDS)])
    on_gpus = [f"batch on {count} GPU{'s' * (count > 1)}" for count in GPUS]
    fill("batches", table(["recipe", "precision", "an image", "batch", *on_gpus], held), PAGE)
    fill("cards", table(["recipe", "precision", *(f"{card} GiB" for card in CARDS)], fitting), PAGE)


def run(small: bool) -> Outcome:
    """Count what each recipe keeps; a small one is also run, and keeps what was counted."""
    tiny = Recipe("resnet18", 48, 32, 4)
    for half in (False, True):
        real, counted = (saved(tiny, tiny.batch, half, mode) for mode in (nullcontext(), FakeTensorMode()))
        assert abs(counted - real) < 0.002 * real  # batch norm's means are counted in the precision of its input
    outcome = Outcome()
    for name, recipe in ({"tiny": tiny} if small else RECIPES).items():
        gib = outcome.figures[name] = needs(recipe)
        row = Row(
            f"GPU memory of a training step: {name}",
            "said",
            f"an image {gib['float32']:.2f} GiB in float32, {gib['bf16']:.2f} under bf16-mixed; weights, gradients and "
            f"Adam {gib['state']:.2f}",
            "",
            "counted without a GPU: what the forward pass keeps",
        )
        outcome.rows.append(row)
    if not small:
        show(outcome.figures)
    return outcome


if __name__ == "__main__":
    main("gpu_memory", run)
