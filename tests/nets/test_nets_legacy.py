"""The reference's checkpoints: every key has its place, and what does not fit is named."""

from pathlib import Path

import pytest
import reference_nets as reference
import torch

from hpa_lit.errors import InputError
from hpa_lit.nets import build_classifier, build_embedder, legacy
from hpa_lit.nets.models import Classifier, Embedder

# Canonical tensors of the reference less the unused ones: the ImageNet layer, Inception's auxiliary branch (12 tensors
# and its linear layer), the embedder's logit layer.
MAPPED = {
    "densenet121": 741 - 2,
    "densenet121_large": 741 - 2,
    "inceptionv3": 594 - 2 - 14,
    "resnet34": 232 - 2,
    "resnet18": 136 - 2,
    "resnet50_arcface": 342 - 2 - 2,
}


def build(arch: str) -> Classifier | Embedder:
    return build_embedder(arch, 50) if arch == "resnet50_arcface" else build_classifier(arch)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return dict(reference.state_dict("resnet18"))


@pytest.mark.parametrize("arch", MAPPED)
def test_every_key_is_mapped(arch: str) -> None:
    # One number a tensor, so that a tensor in a wrong place shows without drawing the weights.
    canonical = [key for key, _, first in reference.keys(arch) if key == first]
    shapes = {key: shape for key, shape, _ in reference.keys(arch)}
    tensors = {key: torch.full(shapes[key], float(number)) for number, key in enumerate(canonical)}
    model = build(arch)
    assert legacy.load_legacy(model, {key: tensors[first] for key, _, first in reference.keys(arch)}) == MAPPED[arch]
    loaded = [int(t.flatten()[0]) for key, t in model.state_dict().items() if key != "statistics"]
    unused = {
        number
        for number, key in enumerate(canonical)
        if key.startswith(("backbone.classifier", "resnet.fc", "inception.fc", "inception.AuxLogits"))
        or (arch == "resnet50_arcface" and key.startswith("logit"))
    }
    assert sorted(loaded) == sorted(set(range(len(canonical))) - unused)


def test_wrapped_file_without_second_names(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    canonical = {f"module.{key}": state[key] for key, _, first in reference.keys("resnet18") if key == first}
    path = tmp_path / "045.pth"
    torch.save({"state_dict": canonical, "epoch": 45}, path)
    one, other = build("resnet18"), build("resnet18")
    assert legacy.load_legacy(one, path) == legacy.load_legacy(other, state) == MAPPED["resnet18"]
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_misfits_are_named_and_change_nothing(state: dict[str, torch.Tensor]) -> None:
    model = build("resnet18")
    before = model.classifier.bias.clone()
    del state["resnet.layer1.0.conv1.weight"], state["encoder2.0.conv1.weight"]
    state["surplus"] = torch.zeros(1)
    state["logit.weight"] = torch.zeros(5, 512)
    with pytest.raises(InputError) as raised:
        legacy.load_legacy(model, state)
    lines = str(raised.value).splitlines()[1:]
    assert [line.strip() for line in lines] == [
        "missing: backbone.net.layer1.0.conv1.weight",
        "unexpected: surplus",
        "shape: classifier.weight is (5, 512), the network has (28, 512)",
    ]
    assert torch.equal(model.classifier.bias, before)


def test_copies_must_agree(state: dict[str, torch.Tensor]) -> None:
    state["encoder1.0.weight"] = state["encoder1.0.weight"] + 1
    with pytest.raises(InputError, match=r"encoder1\.0\.weight differs"):
        legacy.load_legacy(build("resnet18"), state)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), (b"not weights", "cannot be read as weights"), ({"epoch": 1}, "holds no state dict")],
)
def test_unusable_files(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "final.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=message):
        legacy.load_legacy(build("resnet18"), path)
