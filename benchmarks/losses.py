"""The combined loss of a batch, forward and backward, on one core."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.measure import Outcome, Row, main, seconds
from hpa_lit.losses import combined_loss

IMAGES, LABELS = 48, 28


def plain_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Method 4 as it is said: a label after the other."""
    focal, lovasz, hard = [], [], []
    for label in range(logits.shape[1]):
        z, t = logits[:, label], target[:, label].float()
        sign = 2 * t - 1
        entropy = F.binary_cross_entropy_with_logits(z, t, reduction="none")
        focal.append((entropy * torch.sigmoid(-z * sign) ** 2).mean())
        lovasz.append((lovasz_hinge(z, t) + lovasz_hinge(-z, 1 - t)) / 2)
        positives, negatives = z[t == 1], z[t == 0]
        p, n = len(positives), len(negatives)
        hardest = negatives.topk(min(n, p + max(2, int(n / 2)), int(0.7 * n) + 2)).values
        terms = torch.cat([F.softplus(-positives), F.softplus(hardest)])
        hard.append(terms.mean())
    return (torch.stack(focal).sum() + torch.stack(lovasz).mean() + torch.stack(hard).mean()) / 2


def lovasz_hinge(z: Tensor, t: Tensor) -> Tensor:
    errors, order = (1 - z * (2 * t - 1)).sort(descending=True)
    t = t[order]
    intersection = t.sum() - t.cumsum(0)
    union = t.sum() + (1 - t).cumsum(0)
    jaccard = 1 - intersection / union
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return F.relu(errors) @ steps


def run(small: bool) -> Outcome:
    """Combined loss of (48, 28), forward and backward, on one core, against one label after the other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(IMAGES, LABELS, generator=generator)
    target = (torch.rand(IMAGES, LABELS, generator=generator) < 0.1).to(torch.uint8)

    def step(loss, device: str = "cpu") -> Tensor:
        z = logits.to(device, copy=True).requires_grad_()
        loss(z, target.to(device)).backward()
        return z.grad

    def passes() -> None:
        z = logits.clone().requires_grad_()
        (z.sort(dim=0).values * logits).sum().backward()

    torch.testing.assert_close(step(combined_loss), step(plain_loss), rtol=1e-5, atol=1e-7)
    times = seconds(
        {"ours": lambda: step(combined_loss), "plain": lambda: step(plain_loss), "floor": passes}, 5 if small else 300
    )
    torch.set_num_threads(threads)
    ratio = times["plain"] / times["ours"]
    row = Row(
        "combined loss, forward and backward, (48, 28), one core",
        "10 x the label-by-label form",
        f"{ratio:.0f} x ({1000 * times['ours']:.2f} ms)",
        f"{times['ours'] / times['floor']:.1f} x one sort and one product ({1000 * times['floor']:.2f} ms)",
        "some sixty calls of torch, none of which waits for a GPU",
    )
    return Outcome([row, synchronisation(step)], times | {"ratio": ratio})


def synchronisation(step) -> Row:
    """Whether the loss makes the CPU wait for the GPU."""
    work, asked = "the same on a GPU", "no host synchronisation"
    if not torch.cuda.is_available():
        # Meta tensors have no values, and raise where one is asked for: nothing that runs on them can wait for one.
        step(combined_loss, "meta")
        return Row(work, asked, "none: it reads no value", "", "run on meta tensors; no GPU was at hand")
    logits = torch.randn(IMAGES, LABELS, device="cuda", requires_grad=True)
    target = (torch.rand(IMAGES, LABELS, device="cuda") < 0.1).to(torch.uint8)
    combined_loss(logits, target).backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        combined_loss(logits, target).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    np.testing.assert_allclose(step(combined_loss, "cuda").cpu(), step(combined_loss), rtol=1e-4, atol=1e-6)
    return Row(work, asked, "none", "", "torch.cuda.set_sync_debug_mode('error')")


if __name__ == "__main__":
    main("losses", run)
