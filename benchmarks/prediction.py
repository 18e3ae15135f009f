"""Prediction with the winners' 32 views."""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch.utils.data import DataLoader, default_convert

from benchmarks.measure import Outcome, Row, main, seconds
from benchmarks.pictures import fields
from hpa_lit.data import dihedral
from hpa_lit.data.whole_images import WholeImages
from hpa_lit.files import rgby
from hpa_lit.inference.predictor import Predictor
from hpa_lit.inference.views import cut, view_names
from hpa_lit.nets import Classifier, build_classifier
from hpa_lit.results.evaluation import macro_f1

VIEWS = view_names(4, dihedral.VIEWS)


def one_pass_a_view(net: Classifier, images: WholeImages, crop: int) -> np.ndarray:
    """Method 8 as it is said: for each image and view, read it, crop it, turn it, and ask the network."""
    found = []
    for row, image_id in enumerate(images.ids):
        for view in VIEWS:
            number, name = view.split("/")
            image = images.__getitems__([row])["image"]
            patch = dihedral.apply_batch(name, cut(image, [image_id], int(number.removeprefix("crop")), crop))
            found.append(net(patch).sigmoid()[0])
    return torch.stack(found).reshape(len(images), len(VIEWS), -1).numpy()


def all_views_at_once(predictor: Predictor, images: WholeImages) -> np.ndarray:
    loader = DataLoader(images, batch_size=predictor.batch_size, collate_fn=default_convert)
    return np.concatenate([predictor.predict_step(batch, 0).probabilities for batch in loader])


def settled(arch: str, images: torch.Tensor) -> Classifier:
    """An untrained network with batch statistics, whose answers differ from image to image."""
    torch.manual_seed(0)
    net = build_classifier(arch)
    with torch.no_grad():
        for _ in range(20):
            net(images)
    return net.eval()


@torch.inference_mode()
def run(small: bool) -> Outcome:
    """32 views an image, against reading the image again for each; on a GPU, bf16 against fp32."""
    size, crop, count = (48, 32, 2) if small else (768, 512, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row, image in enumerate(fields(size, count)):
            rgby.write(folder / f"i{row}.tif", image, f"i{row}")
        files = rgby.list_images(folder)
        images = WholeImages(list(files), list(files.values()), size)
        batch = images.__getitems__(range(count))["image"]
        net = settled("resnet18", torch.nn.functional.interpolate(batch, (64, 64)))
        predictor = Predictor(net, VIEWS, crop, batch_size=count)
        with mock.patch.object(rgby, "read_channels", wraps=rgby.read_channels) as reading:
            views = all_views_at_once(predictor, images)
            once = reading.call_count
            plain_views = one_pass_a_view(net, images, crop)
            plain = reading.call_count - once
        np.testing.assert_allclose(views, plain_views, rtol=0, atol=1e-5)
        reads = seconds(
            {
                "ours": lambda: images.__getitems__(range(count)),
                "plain": lambda: [images.__getitems__([row]) for row in range(count) for _ in VIEWS],
            },
            1 if small else 3,
        )
        whole = seconds(
            {
                "ours": partial(all_views_at_once, predictor, images),
                "plain": partial(one_pass_a_view, net, images, crop),
            },
            1,
        )
    share, speed = reads["plain"] / reads["ours"], whole["plain"] / whole["ours"]
    row = Row(
        "prediction with 32 views: decode work per image",
        "1/32 of one pass a view; views on the device",
        f"{once / count:.0f} decode an image for {plain / count:.0f}: 1/{share:.1f} of the time",
        "one decode",
        f"resnet18 on this CPU, i{size} to {crop}: {count / whole['ours']:.2f} images/s, {speed:.2f} x one pass a view",
    )
    figures = {"reads": reads, "whole": whole}
    return Outcome([row, *on_gpu(figures)], figures)


def on_gpu(figures: dict[str, object]) -> list[Row]:
    work, asked = "prediction on a GPU, 32 views", "2.5 x fp32 eager; probabilities to 2e-2, macro F1 to 0.002"
    if not torch.cuda.is_available():
        return [Row(work, asked, "not measured", "", "no GPU was at hand")]
    size, crop, batch, count = 768, 512, 8, 32
    images = torch.from_numpy(np.stack(fields(size, count)).transpose(0, 3, 1, 2).copy()).cuda()
    net = settled("densenet121", torch.nn.functional.interpolate(images, (256, 256)).cpu())
    ids = [f"i{row}" for row in range(count)]
    batches = [
        {"id": ids[start:][:batch], "status": ["ok"] * batch, "image": images[start:][:batch]}
        for start in range(0, count, batch)
    ]
    answers, times = {}, {}
    for name, fast in (("fp32", False), ("bf16", True)):
        predictor = Predictor(net, VIEWS, crop, batch, channels_last=fast).cuda()
        with torch.autocast("cuda", torch.bfloat16, enabled=fast):
            answers[name], times[name] = timed(predictor, batches)
    difference = float(np.abs(answers["fp32"] - answers["bf16"]).max())
    likely = answers["fp32"].mean(axis=1)
    truth = (np.random.default_rng(0).random(likely.shape) < likely).astype(np.uint8)
    scores = {name: macro_f1(truth, (given.max(axis=1) > 0.5).astype(np.uint8)) for name, given in answers.items()}
    figures["gpu"] = {"seconds": times, "difference": difference, "macro_f1": scores}
    row = Row(
        work,
        asked,
        f"{times['fp32'] / times['bf16']:.1f} x ({count / times['bf16']:.0f} images/s); {difference:.1e}; "
        f"{abs(scores['fp32'] - scores['bf16']):.4f}",
        "",
        "densenet121, untrained, i768 to 512, batches of 8; bf16 + channels_last",
    )
    return [row]


def timed(predictor: Predictor, batches: Sequence[dict[str, object]]) -> tuple[np.ndarray, float]:
    """All answers, and the seconds of a second pass."""
    for _ in range(2):  # the first is to warm up
        begin = time.perf_counter()
        answers = np.concatenate([predictor.predict_step(batch, 0).probabilities for batch in batches])
        seconds_taken = time.perf_counter() - begin
    return answers, seconds_taken


if __name__ == "__main__":
    main("prediction", run)
