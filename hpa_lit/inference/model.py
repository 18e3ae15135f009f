"""Which network a checkpoint holds, and how images are shown to it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.reading import sha256
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.nets import Classifier, Embedder, build_net
from hpa_lit.nets.legacy import load_legacy
from hpa_lit.nets.models import rename_output
from hpa_lit.nets.state_files import check_fit, read_checkpoint, unwrap
from hpa_lit.results.decision import Decision

Epoch = int | Literal["best", "last"]
ATLAS_FIELD = 2048 * 0.08  # micrometres, side of the fields of the Human Protein Atlas


@dataclass(frozen=True)
class Model:
    """A trained network: plain values, which travel to other processes.

    Attributes:
        checkpoint: Its file.
        digest: Of the file's content.
        run: Name of the run, or the file's where there is no run.
        fold: Its fold; None without folds.
        arch: What builds the network, see `nets.build_net`.
        num_classes: Labels, or an embedder's antibodies.
        labels: Label names; none for an embedder.
        data: How its training saw images: image_size, crop_size, bits, channels, mean, std; all of the run's data
            config where it has one.
        decision: How its probabilities become answers; None where its checkpoint does not know.
        remark: What to say where it is used; empty where there is nothing.
        legacy: Whether the checkpoint is one of the reference's.
        trust: Whether to run the code of a network that is not ours.
    """

    checkpoint: Path
    digest: str
    run: str
    fold: int | None
    arch: Mapping[str, Any]
    num_classes: int
    labels: tuple[str, ...]
    data: Mapping[str, Any]
    decision: Decision | None = None
    remark: str = ""
    legacy: bool = False
    trust: bool = False

    @property
    def channels(self) -> rgby.Channels:
        """The planes that it sees."""
        channels: rgby.Channels = self.data.get("channels", "rgby")  # runs from before there was a choice say nothing
        return channels

    @property
    def pixel_size(self) -> float | None:
        """In micrometres, of images brought to its image size; None where its training did not say it."""
        size: float | None = self.data.get("target_pixel_size")
        if size is None and self.data.get("_target_") == "hpa_lit.data.AtlasDataModule":
            return ATLAS_FIELD / float(self.data["image_size"])
        return size

    @property
    def network(self) -> dict[str, Any]:
        """What builds the network, without what only its training needed to know."""
        keys = ("_target_", "arch", "options", "pool", "map_pool")
        return {key: self.arch[key] for key in keys if key in self.arch}

    def load(self) -> nn.Module:
        """Build the network with its weights.

        Raises:
            InputError: The weights are of another network, their file is no longer the one that was described, or what
                built the network is not ours and not trusted.
        """
        if sha256(self.checkpoint) != self.digest:  # or ranks would answer by other weights, and under this name
            raise InputError(f"{self.checkpoint} was replaced meanwhile, perhaps by its training: start again")
        planes = len(self.channels)
        statistics = (
            {}
            if self.legacy or not self.labels
            else {k: self.data[k][:planes] for k in ("mean", "std") if self.data.get(k)}
        )
        net = build_net(self.arch, self.trust, num_classes=self.num_classes, in_channels=planes, **statistics)
        if self.legacy:
            assert isinstance(net, Classifier | Embedder)
            load_legacy(net, self.checkpoint)
            return net
        tensors = unwrap(read_checkpoint(self.checkpoint), str(self.checkpoint))
        # What a LightningModule saves bears the name of its attribute.
        state = {key.removeprefix("net."): tensor for key, tensor in tensors.items() if key.startswith("net.")}
        if isinstance(net, Classifier):
            rename_output(state)
        check_fit(net.state_dict(), state, str(self.checkpoint))
        net.load_state_dict(state)
        return net


def describe(
    path: Path,
    arch: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    changed_keys: Collection[str] = (),
    trust: bool = False,
) -> Model:
    """Read what network a checkpoint holds.

    Args:
        path: A checkpoint of a run, or one of the reference's.
        arch: Of a checkpoint of the reference, which does not say it itself: arguments of the builder.
        data: Likewise: image_size, crop_size, bits, and label_list where the labels are not the 28 locations.
        changed_keys: Keys of `data` that replace what a run's checkpoint says.
        trust: Whether to run the code of a network that is not ours.

    Raises:
        InputError: The file is no checkpoint, something was not said, or contradicts the checkpoint.
    """
    content, digest = read_checkpoint(path), sha256(path)
    if not isinstance(content, Mapping) or (config := content.get("config")) is None:
        return _legacy(path, digest, unwrap(content, str(path)), arch, data)
    _check_config(path, config)
    if arch is not None and arch["arch"] != config["arch"]["arch"]:
        raise InputError(f"arch={arch['arch']}: {path} holds a {config['arch']['arch']}; leave arch out, it knows")
    if data is not None and "root" in data and data["name"] != config["data"]["name"]:
        raise InputError(
            f"data={data['name']}: {path} was trained on {config['data']['name']}; leave data out, it knows"
        )
    labels = tuple(config["labels"]) if config["targets"] == "labels" else ()
    model = Model(
        checkpoint=path.absolute(),
        digest=digest,
        run=config["run_name"],
        fold=config["fold"],
        arch=_builder_arguments(config["arch"]),
        num_classes=config["num_classes"],
        labels=labels,
        data=_data(config),
        decision=_decision(path, content.get("decision"), labels),
        trust=trust,
    )
    changed = {key: data[key] for key in changed_keys if data is not None}
    if changed.get("channels", model.channels) != model.channels:
        raise InputError(
            f"data.channels={changed['channels']}: {path} was trained on {model.channels}; leave it out, it knows"
        )
    return replace(model, data={**model.data, **changed})


def _check_config(path: Path, config: Any) -> None:
    """Raise `InputError` unless a checkpoint's config says what a prediction needs to know."""
    needed = {"run_name": str, "arch": Mapping, "data": Mapping, "num_classes": int, "targets": str}
    if not isinstance(config, Mapping):
        wrong = ["it is no mapping"]
    else:
        wrong = [f"it has no {key}" for key, kind in needed.items() if not isinstance(config.get(key), kind)]
        wrong += [f"it has no {key}" for key in ("fold", "split") if key not in config]
    if not wrong:
        wrong += [f"its arch has no {key}" for key in ("_target_", "arch") if key not in config["arch"]]
        wrong += [f"its data has no {key}" for key in ("image_size", "crop_size", "bits") if key not in config["data"]]
        if config["targets"] == "labels" and len(config.get("labels") or ()) != config["num_classes"]:
            wrong.append(f"it has {len(config.get('labels') or ())} labels for {config['num_classes']} answers")
    if wrong:
        raise InputError(f"the config in {path} is no training's: {', '.join(wrong)}; take another checkpoint")


def _decision(path: Path, plain: Mapping[str, Any] | None, labels: tuple[str, ...]) -> Decision | None:
    """The decision in a checkpoint, where there is one, once it is sure to be about the checkpoint's labels."""
    if plain is None:
        return None
    try:
        decision = Decision.from_plain(plain)
    except InputError as error:
        raise InputError(f"{path}: {error}; take another checkpoint") from error
    if decision.labels != labels:
        raise InputError(f"{path}: its decision is about other labels than its network; take another checkpoint")
    return decision


def _legacy(
    path: Path,
    digest: str,
    state: Mapping[str, Any],
    arch: Mapping[str, Any] | None,
    data: Mapping[str, Any] | None,
) -> Model:
    if arch is None or data is None or data["image_size"] is None:
        raise InputError(
            f"{path} is not from a run of hpa_lit, and does not say its network and its images: give both, such as "
            "arch=densenet121_large data=i1536 (or data=folder data.image_size=1536 data.crop_size=1024)"
        )
    embedder = "arc_margin_product.weight" in state
    last = state.get("arc_margin_product.weight" if embedder else "logit.weight")
    if last is None:
        raise InputError(f"{path} has no tensor logit.weight: it is no checkpoint of the reference's networks")
    listed = data.get("label_list") or LABEL_NAMES
    labels = () if embedder else tuple(LABEL_NAMES[x] if isinstance(x, int) else str(x) for x in listed)
    if not embedder and len(labels) != len(last):
        raise InputError(f"{path} answers {len(last)} labels and the label list has {len(labels)}: set data.label_list")
    return Model(
        checkpoint=path.absolute(),
        digest=digest,
        run=str(path.with_suffix("")),
        fold=None,
        arch=_builder_arguments(arch) | {"_target_": f"hpa_lit.nets.build_{'embedder' if embedder else 'classifier'}"},
        num_classes=len(last),
        labels=labels,
        # The reference's embedder saw whole images, whatever crops a classifier of that size sees.
        data={**data, "crop_size": None if embedder else data["crop_size"]},
        legacy=True,
    )


def _builder_arguments(arch: Mapping[str, Any]) -> dict[str, Any]:
    """An arch config without what only a start of training needs."""
    untrained = {"pretrained": False, "weights": None, "freeze": False}
    return {**arch, **{key: value for key, value in untrained.items() if key in arch}}


def _data(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run's data config; one from before version 0.2 names no data module."""
    data: Mapping[str, Any] = config["data"]
    if "_target_" in data:
        return data
    if "images" in data:
        return {"_target_": "hpa_lit.data.FolderDataModule", **data, "fold": config["fold"]}
    whole = {"root": None, "batch_size": 1, "fold": config["fold"], "split": config["split"]}
    return {"_target_": "hpa_lit.data.AtlasDataModule", **whole, **data, "targets": config["targets"]}
