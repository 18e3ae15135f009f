"""What half precision and whole numbers do to a trained network: macro F1, size, and speed on a CPU, beside torch.

Takes the classifier that ``make demo`` leaves and the drawn test images, whose truth is known; the largest of the
recipes' networks shows the speed at full size. Fills the table of docs/export.md too.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import torch

from benchmarks.measure import HERE, Outcome, Row, fill, main, seconds, table
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import OutputTree, RunTree
from hpa_lit.inference import Model, find_images, find_model, seen_images
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.nets import build_classifier
from hpa_lit.nets.answering import Answering
from hpa_lit.portable import about, write_onnx
from hpa_lit.results.evaluation import macro_f1
from hpa_lit.results.thresholds import assign

DEMO = Path("outputs/demo")
RUN = DEMO / "train" / "demo" / "fold0"
PAGE = HERE.parent / "docs" / "export.md"
CALIBRATION, MOST = 64, 10_000
FULL = ("densenet121", 512)  # the first recipe's network and crop


def run(small: bool) -> Outcome:
    """Each precision against torch, on images that the calibration did not see."""
    torch.set_num_threads(1)
    outcome = Outcome()
    net, what, images, truth = drawn_atlas() if not small else random_network("timm/resnet18", 64)
    measure(outcome, f"{what}, {net.model.arch['arch']}" if not small else what, net, images, truth, 3 if small else 9)
    if not small:
        full, _, pictures, _ = random_network(*FULL)
        measure(outcome, f"{FULL[0]} at {FULL[1]}, random weights", full, pictures, None, 5)
        fill("portable", shown(outcome.figures), PAGE)
    return outcome


class Net:
    """A model, its network, and images to set a scale on."""

    def __init__(self, model: Model, net: torch.nn.Module, home: RunTree, scale: list[Any]) -> None:
        self.model, self.net, self.home, self.scale = model, net, home, scale


def drawn_atlas() -> tuple[Net, str, np.ndarray, np.ndarray | None]:
    """The demo's classifier, and the drawn test images with their truth."""
    if not RUN.is_dir():
        raise InputError(f"there is no {RUN}: make demo leaves it")
    model, home = find_model(OutputTree(DEMO), run=RUN)
    tree = DataTree(DEMO / "data")
    _, train = find_images(model, "external", None, tree.root, workers=0)
    _, test = find_images(model, "test", None, tree.root, workers=0)
    targets = pd.read_csv(tree.test_truth).set_index("Id")["Target"]
    truth = np.stack([encode(str(targets[image_id]), len(LABEL_NAMES)) for image_id in sorted(test.predicted or {})])
    net = Net(model, model.load().eval(), home, seen_images(model, train, CALIBRATION))
    return net, "the demo's classifier", np.stack(seen_images(model, test, MOST)), truth


def random_network(arch: str, side: int) -> tuple[Net, str, np.ndarray, None]:
    """A network that learnt nothing, which is as fast as one that did."""
    options = {"channels": [8, 16, 32, 64]} if side == 64 else None
    torch.manual_seed(0)
    net = build_classifier(arch, len(LABEL_NAMES), options=options).eval()
    data = {"name": "x", "image_size": side, "crop_size": side, "bits": 8, "channels": "rgby"}
    built = {"_target_": "hpa_lit.nets.build_classifier", "arch": arch, "options": options}
    model = Model(Path("x"), "", "x", None, built, len(LABEL_NAMES), LABEL_NAMES, data)
    images = np.random.default_rng(0).integers(0, 256, (8, 4, side, side), np.uint8)
    return Net(replace(model), net, RunTree(Path("none")), list(images)), "a network that learnt nothing", images, None


def shown(figures: Mapping[str, Any]) -> str:
    """The table of the page."""
    lines = []
    for name, seen in figures.items():
        network, _, precision = name.partition(": ")
        beside = figures[f"{network}: torch"]
        score = "" if seen["macro_f1"] is None else f"{seen['macro_f1']:.4f}"
        change = f"{seen['largest_change']:.1g}" if precision != "torch" else ""
        speed = seen["images_per_second"] / beside["images_per_second"]
        lines.append([network, precision, score, change, f"{seen['bytes'] / 1e6:.1f}", f"{speed:.2f}"])
    heads = ["network", "by", "macro F1", "probabilities change by at most", "MB", "speed, torch = 1"]
    return table(heads, lines)


def measure(outcome: Outcome, what: str, made: Net, images: np.ndarray, truth: np.ndarray | None, repeats: int) -> None:
    """Write each precision, and hold it against torch."""
    answering, facts = Answering(made.net).eval(), about(made.model, made.net, made.home)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        sessions, sizes = {}, {"torch": sum(t.nbytes for t in made.net.state_dict().values())}
        for precision in ("fp32", "fp16", "int8"):
            path = Path(folder) / f"{precision}.onnx"
            write_onnx(path, made.net, facts, precision, made.scale)  # type: ignore[arg-type]
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            sessions[precision] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            sizes[precision] = path.stat().st_size
        answer: dict[str, Any] = {
            "torch": lambda batch: answering(torch.from_numpy(batch))[0].numpy(),
            **{name: lambda batch, s=session: s.run(None, {"images": batch})[0] for name, session in sessions.items()},
        }
        batch = images[:4]
        times = seconds({name: lambda a=a: a(batch) for name, a in answer.items()}, repeats)  # type: ignore[misc]
        found = {
            name: np.concatenate([a(part) for part in np.array_split(images, -(-len(images) // 8))])
            for name, a in answer.items()
        }
    np.testing.assert_allclose(found["fp32"], found["torch"], atol=1e-4)
    scores = {
        name: None if truth is None else macro_f1(truth, assign(probs, np.full(probs.shape[1], 0.5)))
        for name, probs in found.items()
    }
    for name, probs in found.items():
        change = float(np.abs(probs - found["torch"]).max())
        rate, score = len(batch) / times[name], scores[name]
        outcome.figures[f"{what}: {name}"] = {
            "macro_f1": score,
            "largest_change": change,
            "bytes": sizes[name],
            "images_per_second": rate,
        }
        if name != "torch":
            said = "" if score is None else f"macro F1 {score - scores['torch']:+.4f} to {score:.4f}; "
            outcome.rows.append(
                Row(
                    f"{what}: ONNX {name}",
                    "said",
                    f"{said}{rate * times['torch'] / len(batch):.2f} x torch ({rate:.2f} images/s)",
                    f"torch: {sizes['torch'] / 1e6:.1f} MB",
                    f"{sizes[name] / 1e6:.1f} MB; probabilities change by {change:.2g} at most; one core",
                )
            )


if __name__ == "__main__":
    main("portable", run)
