"""What the networks compute, beside the golden values: pixels, cosines, other backbones, compilation."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from hpa_lit.errors import InputError
from hpa_lit.nets import ARCHS, CHANNEL_MEAN, CHANNEL_STD, build_classifier, build_embedder

CONF = Path(__file__).parents[2] / "conf" / "arch"
# One of each kind of feature map, as small as the family goes.
FAMILIES = {
    "convnext_atto": {},
    "efficientnet_b0": {},
    "mobilenetv3_small_050": {},
    "regnety_002": {},
    "swin_tiny_patch4_window7_224": {
        "img_size": 64,
        "window_size": 2,
        "embed_dim": 24,
        "depths": (1, 1, 1, 1),
        "num_heads": (1, 1, 1, 1),
    },
    "vit_tiny_patch16_224": {"img_size": 64, "depth": 2},
}


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 4, 64, 64), np.uint8))


def test_pixels_are_normalised_by_the_given_numbers(pixels: torch.Tensor) -> None:
    model = build_classifier("resnet18").double().eval()
    given: list[torch.Tensor] = []
    model.backbone.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    images = pixels.double() / 255
    untouched = images.clone()
    model(images)
    model(pixels)
    expected = (untouched.numpy() - np.reshape(CHANNEL_MEAN, (4, 1, 1))) / np.reshape(CHANNEL_STD, (4, 1, 1))
    np.testing.assert_allclose(given[0].numpy(), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(given[0], given[1])
    assert torch.equal(images, untouched)


@pytest.mark.parametrize("arch", ["resnet18", "resnet50_arcface"])
def test_random_resnets_start_as_those_of_torchvision(arch: str) -> None:
    """Timm would set the last norm of each block to 0, and the nets of the recipes then learn more slowly."""
    net = build_classifier(arch).backbone.net.state_dict()
    theirs = torchvision.models.get_model(arch.removesuffix("_arcface"), weights=None).state_dict()
    for name, weight in net.items():
        if name == "conv1.weight":
            assert torch.equal(weight[:, 3], weight[:, 0])
        if weight.ndim:
            assert weight.float().mean() == pytest.approx(float(theirs[name].float().mean()), abs=0.01), name
            assert weight.float().std() == pytest.approx(float(theirs[name].float().std()), rel=0.1), name


def test_statistics_travel_with_the_state_dict(pixels: torch.Tensor) -> None:
    one = build_classifier("resnet18", 3, mean=[0.1, 0.2, 0.3, 0.4], std=[0.5, 0.6, 0.7, 0.8]).eval()
    other = build_classifier("resnet18", 3).eval()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(pixels), other(pixels))


def test_logits_are_the_last_linear_layer_of_the_features(pixels: torch.Tensor) -> None:
    model = build_classifier("resnet18", 5).eval()
    features = model.features(pixels)
    assert features.shape == (2, model.num_features) == (2, 512)
    torch.testing.assert_close(model(pixels), features @ model.classifier.weight.T + model.classifier.bias)


def test_cosines_are_those_of_numpy(pixels: torch.Tensor) -> None:
    model = build_embedder("resnet50_arcface", 7).double().eval()
    features, weight = model.features(pixels).detach().numpy(), model.class_weight.detach().numpy()
    assert features.shape == (2, model.num_features) == (2, 512)
    assert np.abs(weight).max() <= 512**-0.5
    np.testing.assert_allclose(weight.std(), 512**-0.5 / 3**0.5, rtol=0.05)
    lengths = np.linalg.norm(features, axis=1)[:, None] * np.linalg.norm(weight, axis=1)
    np.testing.assert_allclose(model(pixels).detach().numpy(), features @ weight.T / lengths, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(model(pixels), model(pixels.double() / 255))


def test_cosines_keep_full_precision_under_autocast(pixels: torch.Tensor) -> None:
    model = build_embedder("resnet18", 7).eval()
    with torch.autocast("cpu", torch.bfloat16):
        features, cosine = model.features(pixels), model(pixels)
    assert cosine.dtype == torch.float32
    exact = torch.nn.functional.normalize(features.float()) @ torch.nn.functional.normalize(model.class_weight).T
    torch.testing.assert_close(cosine, exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_any_timm_backbone(name: str, pixels: torch.Tensor) -> None:
    """A feature map with positions last, and a gradient for every parameter, which distributed training needs."""
    model = build_classifier(f"timm/{name}", 3, options=FAMILIES[name])
    maps = model.forward_features(pixels)
    assert maps.shape[:2] == (2, model.num_features)
    assert maps.shape[2] == maps.shape[3] == (4 if "vit" in name else 2)
    model(pixels).square().sum().backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("build", [build_classifier, build_embedder])
def test_compiles_as_one_graph(build: type, pixels: torch.Tensor) -> None:
    model = build("resnet18", 3).to(memory_format=torch.channels_last).eval()
    keys, expected = list(model.state_dict()), model(pixels)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(pixels), expected)
    model.compile(fullgraph=True, backend="eager")
    assert list(model.state_dict()) == keys
    torch.testing.assert_close(model(pixels), expected)


def test_compiles_with_a_timm_backbone(pixels: torch.Tensor) -> None:
    model = build_classifier("timm/vit_tiny_patch16_224", 3, options=FAMILIES["vit_tiny_patch16_224"]).eval()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(pixels), model(pixels))


@pytest.mark.parametrize(
    ("arch", "near"),
    [
        ("densnet121", "densenet121"),
        ("timm/convnext_tini", "timm/convnext_tiny"),
        ("convnext_tiny", "timm/convnext_tiny"),
    ],
)
def test_unknown_arch_names_the_near_ones(arch: str, near: str) -> None:
    with pytest.raises(
        InputError, match=rf"no arch '{arch}'\. Near: .*{near}.* Valid: densenet121, .*resnet50_arcface"
    ):
        build_classifier(arch)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="5 channels need as many means"):
        build_classifier("resnet18", in_channels=5)
    with pytest.raises(InputError, match="positive deviations"):
        build_classifier("resnet18", std=[1.0, 1.0, 0.0, 1.0])
    with pytest.raises(InputError, match=r"cannot build convnext_atto\.nonsense"):
        build_classifier("timm/convnext_atto.nonsense")
    with pytest.raises(InputError, match=r"options {'size': 64}: .*unexpected keyword"):
        build_classifier("timm/convnext_atto", pretrained=True, options={"size": 64})
    with pytest.raises(InputError, match=r"images are torch\.int64"):
        build_classifier("resnet18")(torch.zeros(1, 4, 64, 64, dtype=torch.int64))


WITH_WEIGHTS = ("efficientnet_lite0", "tiny_drawn")  # that a package brings


def test_configs_build_what_they_are_named_after(pixels: torch.Tensor) -> None:
    assert {path.stem for path in CONF.glob("*.yaml")} == {*ARCHS, *WITH_WEIGHTS, "timm", "tiny", "base"}
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        configs = {name: compose("train", [f"arch={name}"]).arch for name in (*ARCHS, "timm", "tiny")}
    assert {name: configs[name].arch for name in ARCHS} == {name: name for name in ARCHS}
    configs["timm"].arch = "timm/vit_tiny_patch16_224"
    configs["timm"].options = FAMILIES["vit_tiny_patch16_224"]
    for name in ("resnet18", "resnet50_arcface", "timm", "tiny"):
        model = instantiate(configs[name], num_classes=3, pretrained=False).eval()
        assert model(pixels).shape == (2, 3)
    # A quarter as wide in every layer: one part in sixteen of the convolutions' weights.
    widths = [instantiate(configs[name], num_classes=3, pretrained=False).num_features for name in ("resnet18", "tiny")]
    assert widths == [512, 128]


@pytest.mark.parametrize("arch", [arch for arch in ARCHS if not arch.endswith("arcface")])
def test_a_pass_reads_no_value(arch: str) -> None:
    """Meta tensors have no values: what runs on them has nothing to wait for on a GPU."""
    model = build_classifier(arch).to("meta").train()
    images = torch.empty(2, 4, 320, 320, dtype=torch.uint8, device="meta")
    model(images).sum().backward()
    assert all(parameter.grad.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", ["convnext_atto", "resnet18"])
def test_stochastic_depth_is_an_option_of_timm(name: str) -> None:
    model = build_classifier(f"timm/{name}", 3, options={"drop_path_rate": 0.1})
    rates = [module.drop_prob for module in model.modules() if type(module).__name__ == "DropPath"]
    assert len(rates) > 5
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.1)
