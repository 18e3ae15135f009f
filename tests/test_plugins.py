"""What a stranger adds from a folder of his own, outside the package: docs/extend.md and the plug-ins that it shows."""

import json
import re
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from readme_commands import blocks
from scipy.special import expit, logit
from small_run import save_pictures
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa_lit import check, predict, train
from hpa_lit.data.transforms import Dihedral, RandomSquareCrop, TrainTransform, ValidTransform
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.nets import check_contract

PLUGINS = Path(__file__).parent / "plugins"
PAGE = Path(__file__).parent.parent / "docs" / "extend.md"
TINY = ("data.crop_size=32", "data.workers=0", "data.folds=3", "batch_size=4")
QUIET = "+trainer.enable_progress_bar=false"
FOLDER = ("images=pictures", "labels=labels.csv")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the plug-ins in mine/, twelve pictures, their table, and the pictures in a folder a label."""
    place = tmp_path_factory.mktemp("place")
    shutil.copytree(PLUGINS, place / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "pictures").mkdir()
    save_pictures(place / "pictures", 12)
    rows = [(f"i{row:02}", "bright|dark" if row == 0 else ("dark", "bright")[row % 2]) for row in range(12)]
    pd.DataFrame(rows, columns=["Id", "Target"]).to_csv(place / "labels.csv", index=False)
    for image_id, target in rows:
        for label in target.split("|"):
            (place / "folders" / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(place / "pictures" / f"{image_id}.tif", place / "folders" / label)
    return place


@pytest.fixture
def run(place, monkeypatch, tmp_path):
    """Start commands in that folder, their results in a place of this test."""
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(place / "mine"))

    def start(verb, *words):
        monkeypatch.setattr(sys, "argv", [verb.__name__, *words, f"paths.outputs={tmp_path}"])
        verb.main()

    return start


@pytest.fixture
def small(run, tmp_path):
    """Train the small experiment on the folder; gives its run."""

    def start(*words, epochs="scheduler.epochs=1"):
        run(train, "experiment=small", *FOLDER, *TINY, QUIET, epochs, *words)
        (folder,) = (path for path in (tmp_path / "train").iterdir() if path.name.startswith("small_folder"))
        return RunTree(folder / "fold0")

    return start


def refusal(start, *words):
    """What a command ends with."""
    with pytest.raises(SystemExit) as ended:
        start(*words)
    message = str(ended.value)
    assert message.startswith("error: ")
    assert len(message.splitlines()) == 1
    return message


def curves(run):
    return pd.read_csv(run.folder / "csv" / "version_0" / "metrics.csv").groupby("epoch").first()


# The page


def named_blocks():
    return re.findall(r"^```\w+ (\S+\.\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_very_files_that_are_tested():
    shown = dict(named_blocks())
    files = [path for path in PLUGINS.rglob("*") if path.suffix in (".py", ".yaml")]
    assert shown == {
        path.relative_to(PLUGINS.parent).as_posix().replace("plugins", "mine", 1): path.read_text() for path in files
    }


@pytest.mark.slow
def test_the_commands_of_the_page_run_one_after_another(place, tmp_path):
    for name in ("mine", "pictures", "folders"):
        shutil.copytree(place / name, tmp_path / name)
    shutil.copy(place / "labels.csv", tmp_path)
    lines = [line for block in blocks(PAGE.read_text()) if not block.marks for line in block.lines]
    script = "\n".join(lines).replace("DIR", "pictures").replace("FILE.csv", "labels.csv")
    script = re.sub(r"experiment=small\b", " ".join(["experiment=small scheduler.epochs=1", *TINY]), script)
    script = script.replace("PYTHONPATH=mine", f"PYTHONPATH=mine:{Path(train.__file__).parents[1]}")
    script = script.replace("python ", f"{sys.executable} ")
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(pd.read_csv(tmp_path / "answers" / "submission.csv")) == 4


# A network


@pytest.fixture(scope="module")
def trained(place):
    """A run of all four from their folder of configs, in a process of its own."""
    words = [f"{sys.executable} -m hpa_lit.train --config-dir mine/conf experiment=small data=own data.root=folders"]
    words += ["arch=own loss=own augment=own scheduler=own", *TINY]
    environment = {"PATH": "", "PYTHONPATH": f"mine:{Path(train.__file__).parents[1]}"}
    done = subprocess.run(" ".join(words).split(), cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "own, 1.6 million parameters" in done.stdout
    return RunTree(place / "outputs" / "train" / "small_own" / "fold0")


def test_an_own_net_keeps_the_contract(run):
    import own_net

    net = own_net.OwnNet(3, 4, mean=[0.1, 0.2, 0.3, 0.4], std=[0.5] * 4)
    check_contract(net, num_classes=3, in_channels=4, side=32, labels=True)
    assert net.features(torch.zeros(2, 4, 32, 32, dtype=torch.uint8)).shape == (2, 2 * net.backbone.num_features)


def test_the_code_of_an_own_net_runs_where_it_is_trusted_and_answers_as_the_net_itself(run, trained, place, tmp_path):
    words = [f"run={trained.folder}", "images=pictures", "trainer=cpu", "workers=0", f"out={tmp_path}/p.parquet"]
    message = refusal(run, predict, *words)
    assert "built by own_net.OwnNet, which is not part of hpa_lit: set trust=true to run its code" in message
    run(predict, *words, "trust=true")
    found = prediction_file.read(tmp_path / "p.parquet")

    import own_net

    data = torch.load(trained.checkpoint("best"), weights_only=True)["config"]["data"]
    net = own_net.OwnNet(2, 4, data["mean"], data["std"]).eval()
    state = torch.load(trained.checkpoint("best"), weights_only=True)["state_dict"]
    net.load_state_dict({key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")})
    see = ValidTransform(40, 32)
    planes = [rgby.read_channels(files) for files in rgby.list_images(place / "pictures").values()]
    with torch.no_grad():
        answers = net(torch.from_numpy(np.stack([see(each, 0) for each in planes]))).sigmoid().numpy()
    assert found.labels == ("bright", "dark")
    # Pictures of one grey value leave batch norm a variance near 0, which blows roundings up.
    np.testing.assert_allclose(found.probabilities[:, 0], answers, rtol=5e-4)


BROKEN = """
from own_net import OwnNet


class Crashes(OwnNet):
    def features(self, images):
        return self.backbone.forward_features(images).mean(dim=(2, 3))


class NoFeatures(OwnNet):
    features = None


class Wide(OwnNet):
    def __init__(self, num_classes, **arguments):
        super().__init__(num_classes + 1, **arguments)


class Maps(OwnNet):
    def features(self, images):
        return self.backbone.forward_features(images / 255)

    def forward(self, images):
        return self.classifier(super().features(images))


class Inconsistent(OwnNet):
    def forward(self, images):
        return super().forward(images) + 1
"""


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("Crashes", "for images (N, 4, 32, 32) in uint8, 0 to 255; it raises RuntimeError"),
        ("NoFeatures", "must have features(images) -> (N, D), forward(images) -> (N, 2), classifier(features)"),
        ("Wide", "forward of Wide must give (N, 2); for two images it gives (2, 3)"),
        ("Maps", "it raises RuntimeError: mat1 and mat2"),
        ("Inconsistent", "classifier(features(images)) of Inconsistent differs from forward(images)"),
        ("Absent", "arch._target_=broken.Absent cannot be built: "),
    ],
)
def test_a_net_that_breaks_the_contract_is_told_so_before_training(small, monkeypatch, tmp_path, net, message):
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    assert message in refusal(small, f"arch={{_target_: broken.{net}, arch: broken}}")
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow
def test_an_own_net_has_a_name(small):
    assert "arch=own_net.OwnNet has no name for its runs" in refusal(small, "arch={_target_: own_net.OwnNet}")
    assert small("arch={_target_: own_net.OwnNet, arch: own}").checkpoint("best").is_file()


# A loss


def test_an_own_loss_without_its_term_is_the_cross_entropy(run):
    import own_loss

    logits, target = torch.randn(5, 3), torch.randint(0, 2, (5, 3))
    expected = binary_cross_entropy_with_logits(logits, target.float())
    torch.testing.assert_close(own_loss.OwnLoss(epsilon=0.0)(logits, target), expected)
    assert own_loss.OwnLoss()(logits, target) > expected


def test_an_own_loss_trains_from_the_command_line_alone(small):
    run = small("loss={_target_: own_loss.OwnLoss, epsilon: 2}")
    config = torch.load(run.checkpoint("best"), weights_only=True)["config"]
    assert config["loss"] == {"_target_": "own_loss.OwnLoss", "epsilon": 2}
    assert curves(run)["train/loss"].notna().all()


# An augmentation


def test_uneven_light_is_a_slope_over_the_width(run):
    import own_augmentation

    light = own_augmentation.UnevenLight(p=1)
    lit = light.apply(np.full((2, 3, 4), 100, np.uint8), slope=0.2)
    assert lit[:, :, 0].tolist() == [[80, 100, 120]] * 2
    transform = TrainTransform(40, 32, [RandomSquareCrop(), Dihedral(), light])
    planes = np.full((4, 40, 40), 100, np.uint8)
    one, same, other = (transform(planes, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one[0, 0, 0] != one[0, 0, -1]


def test_an_own_augmentation_joins_the_list(small):
    run = small("+augment.transforms.own._target_=own_augmentation.UnevenLight")
    config = torch.load(run.checkpoint("best"), weights_only=True)["config"]
    assert list(config["augment"]["transforms"]) == ["crop", "dihedral", "own"]


# A dataset layout


def test_an_own_layout_gives_sides_and_all_that_follows(run, place, tmp_path):
    import own_data

    data = own_data.LabelFolders("folders", folds=3, fold=1, image_size=40, crop_size=32, batch_size=4)
    sides = data.read()
    assert data.labels == ["bright", "dark"]
    table = data.label_table()
    assert table.labels[table.ids.index("i00")].tolist() == [1, 1]
    assert table.labels[table.ids.index("i01")].tolist() == [1, 0]
    assert sorted(table.ids) == sorted(data.images()) == sorted(path.stem for path in (place / "pictures").iterdir())
    assert data.folds() == [(list(sides.train.ids), list(sides.valid.ids))]
    assert list(data.files("valid")) == sorted(sides.valid.ids)
    assert data.files() == data.images()
    data.record = tmp_path / "sides.csv"
    data.record.write_text("Id,side,Target\ni02,train,1\ni03,valid,0\ni99,valid,0\n")
    assert list(data.files("valid")) == ["i03", "i99"]
    assert data.files("valid")["i99"] == {}


def test_an_own_layout_trains_is_checked_and_predicted(run, trained, tmp_path, capsys):
    record = pd.read_csv(trained.record)
    assert record["side"].value_counts().to_dict() == {"train": 8, "valid": 4}
    assert curves(trained)["lr"].tolist() == pytest.approx([1e-3, 1e-4])  # scheduler=own
    run(check, "--config-dir", "mine/conf", "data=own", "data.root=folders", "workers=1")
    assert "passed: 12 images; errors: 0" in capsys.readouterr().out
    words = [f"run={trained.folder}", "dataset=valid", "trainer=cpu", "workers=0", f"out={tmp_path}/p.parquet"]
    run(predict, *words, "trust=true")
    assert set(prediction_file.read(tmp_path / "p.parquet").ids) == set(record["Id"][record["side"] == "valid"])


# A step of post-processing


def test_a_temperature_divides_the_logits(run, tmp_path):
    import own_temperature

    probabilities = np.array([[[0.1, 0.9]], [[0.5, 0.7]]], np.float32)
    before = prediction_file.Predictions(
        ("a", "b"), ("ok", "ok"), ("all",), ("x", "y"), probabilities, "run", None, "test", "file.ckpt"
    )
    prediction_file.write(tmp_path / "in.parquet", before)
    own_temperature.main(tmp_path / "in.parquet", tmp_path / "out.parquet", "2")
    after = prediction_file.read(tmp_path / "out.parquet")
    np.testing.assert_allclose(after.probabilities, expit(logit(probabilities) / 2), rtol=1e-5)
    assert (after.ids, after.labels, after.dataset) == (before.ids, before.labels, before.dataset)


# Other parts, and mistakes


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("loss={_target_: own_loss.Los}", "loss: Error locating target 'own_loss.Los'"),
        ("loss={_target_: own_los.OwnLoss}", "module 'own_los' is installed?"),
        ("loss={_target_: own_loss.OwnLoss, epsilom: 2}", "unexpected keyword argument 'epsilom'"),
        ("arch={_target_: own_nett.OwnNet, arch: own}", "arch._target_=own_nett.OwnNet cannot be built"),
        ("arch={_target_: own_net.OwnNet, arch: own, bone: x}", "unexpected keyword argument 'bone'"),
        ("+augment.transforms.own._target_=own_augmentation.Uneven", "'own_augmentation.Uneven'"),
        ("data._target_=own_data.LabelFolder", "data: Error locating target 'own_data.LabelFolder'"),
        ("optimizer._target_=torch.optim.Adan", "optimizer: Error locating target 'torch.optim.Adan'"),
        ("scheduler._target_=hpa_lit.schedules.Steped", "scheduler: Error locating target 'hpa_lit.schedules.Steped'"),
        ("task._target_=hpa_lit.tasks.Classify", "task: Error locating target 'hpa_lit.tasks.Classify'"),
        ("+callbacks.x._target_=own_callbacks.X", "callbacks.x: Error locating target 'own_callbacks.X'"),
        ("+logger.x._target_=own_loggers.X", "logger.x: Error locating target 'own_loggers.X'"),
        ("ckpt_path=x.ckpt", "hpa-lit predict checkpoint=x.ckpt predicts with one"),
        ("model.optimizer.lr=0.1", "scheduler.rates=[[1,0.1]], or"),
    ],
)
def test_what_does_not_exist_is_named_in_one_sentence(small, word, named):
    assert named in refusal(small, word)


def test_a_mistake_corrected_goes_on_in_the_same_folder(small):
    refusal(small, "loss={_target_: own_loss.OwnLoss, epsilom: 2}")
    run = small("loss={_target_: own_loss.OwnLoss, epsilon: 2}")
    assert run.result.is_file()


def test_data_that_cannot_be_built_at_prediction_are_named(run, trained, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not path.endswith("mine")])
    monkeypatch.delitem(sys.modules, "own_data", raising=False)
    message = refusal(run, predict, f"run={trained.folder}", "dataset=valid", "trainer=cpu", "trust=true")
    assert "data._target_=own_data.LabelFolders cannot be built: No module named 'own_data'" in message


@pytest.mark.slow
def test_an_own_optimizer_and_the_epochs_of_other_projects(small):
    own = "optimizer={_target_: torch.optim.SGD, _partial_: true, momentum: 0.9, lr: null}"
    run = small(own, epochs="trainer.max_epochs=2")
    (state,) = torch.load(run.checkpoint("last"), weights_only=True)["optimizer_states"]
    assert all("momentum_buffer" in values for values in state["state"].values())
    assert json.loads(run.result.read_text())["epochs"] == 2


def test_an_own_callback_and_one_logger(small):
    run = small("+callbacks.x._target_=pytorch_lightning.callbacks.LearningRateMonitor", "logger=csv")
    metrics = pd.read_csv(run.folder / "csv" / "version_0" / "metrics.csv")
    assert metrics["lr-Adam"].dropna().tolist() == pytest.approx([1e-3])
    assert not (run.folder / "tensorboard").exists()


@pytest.mark.parametrize("word", ["debug=fast_dev_run", "+trainer.fast_dev_run=true"])
def test_a_fast_dev_run_leaves_nothing(small, word):
    run = small(word)
    assert list(run.folder.rglob("*")) == []


@pytest.mark.slow
def test_overfitting_on_a_batch_learns_it(small):
    run = small("debug=overfit", epochs="scheduler.epochs=6")
    assert run.folder.parent.name == "small_folder_overfit"
    losses = curves(run)["train/loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]


def test_help_lists_the_choices_of_own_configs(place):
    words = [sys.executable, "-m", "hpa_lit.train", "--config-dir", "mine/conf", "--help"]
    shown = subprocess.run(words, cwd=place, capture_output=True, text=True)
    groups = [line.split() for line in takewhile(lambda line: "change most" not in line, shown.stdout.splitlines())]
    own = {words[0] for words in groups if {"own", "own,"} & set(words)}
    assert own == {"arch", "loss", "augment", "data", "scheduler"}
