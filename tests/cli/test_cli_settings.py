"""The settings of verbs: declared as their configs have them, and refused in words."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic import BaseModel

from hpa_lit.check import CheckSettings
from hpa_lit.cli.plan import PipelineSettings
from hpa_lit.cli.settings import Settings
from hpa_lit.combine import CombineSettings
from hpa_lit.demo import DemoSettings
from hpa_lit.draw import DrawSettings
from hpa_lit.embed import EmbedSettings
from hpa_lit.errors import BAD_INPUT, InputError
from hpa_lit.export import ExportSettings
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.models import ModelsSettings
from hpa_lit.neighbours import NeighboursSettings
from hpa_lit.predict import PredictSettings
from hpa_lit.prepare import PrepareSettings
from hpa_lit.report import ReportSettings
from hpa_lit.runs import RunsSettings
from hpa_lit.submit import SubmitSettings
from hpa_lit.train import TrainSettings

# What has no value until somebody gives one.
VERBS: dict[type[Settings], tuple[str, list[str]]] = {
    SubmitSettings: ("submit", ["predictions=p", "output=o"]),  # the default output asks what Hydra chose
    CombineSettings: ("combine", ["predictions=p"]),
    ReportSettings: ("report", ["predictions=p"]),
    NeighboursSettings: ("neighbours", ["gallery=g"]),
    DrawSettings: ("draw", []),
    PrepareSettings: ("prepare", []),
    CheckSettings: ("check", ["data.images=i", "data.labels=l"]),
    PredictSettings: ("predict", ["arch=tiny", "data=i768"]),
    EmbedSettings: ("embed", ["arch=tiny", "data=i768"]),
    ExportSettings: ("export", ["arch=tiny", "data=i768"]),
    RunsSettings: ("runs", []),
    ModelsSettings: ("models", []),
    TrainSettings: ("train", ["data=i768"]),
    PipelineSettings: ("pipeline", []),
    DemoSettings: ("demo", []),
}


# Sections of which a verb looks at some keys alone.
OPEN = {PrepareSettings: "data."}


def composed(settings, *words):
    verb, given = VERBS[settings]
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return compose(verb, [*given, *words])


def declared(settings, prefix="", optional=True):
    """The dotted names of all fields, or of those alone that must have a value."""
    names = set()
    for name, field in settings.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= declared(field.annotation, f"{key}.", optional)
        elif optional or field.is_required():
            names.add(key)
    return names


def leaves(config, prefix=""):
    """The dotted names of all values."""
    names = set()
    for key, value in config.items():
        names |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return names


@pytest.mark.parametrize("settings", VERBS)
def test_every_key_is_declared_and_keeps_its_value(settings):
    config = OmegaConf.to_container(composed(settings), resolve=True)
    names, found = declared(settings), leaves(config)
    needed = declared(settings, optional=False)
    assert all(any(f"{leaf}.".startswith(f"{name}.") for leaf in found) for name in needed)
    open_ = OPEN.get(settings, "-")
    assert all(leaf.startswith(open_) or any(f"{leaf}.".startswith(f"{name}.") for name in names) for leaf in found)
    plain = settings.of(composed(settings)).plain()
    assert plain.keys() == config.keys()
    for key, value in config.items():
        # One that may be several is a list from here on.
        assert plain[key] in (value, [value])


@pytest.mark.parametrize(
    ("settings", "words", "sentence"),
    [
        (SubmitSettings, ["thresholds=best"], "thresholds=best: choose auto, ratio, fixed, f1 or soft_f1"),
        (SubmitSettings, ["fixed=nan"], "fixed=NaN: give a number from 0 to 1 or several as [A,B]"),
        (SubmitSettings, ["fixed=[0.5,2]"], "fixed=[0.5, 2]: give a number from 0 to 1 or several as [A,B]"),
        (SubmitSettings, ["fixed=true"], "fixed=true: give a number from 0 to 1 or several as [A,B]"),
        (SubmitSettings, ["json=1"], "json=1: choose true or false"),
        (SubmitSettings, ["ratios=3"], "ratios=3: give train, leaderboard or a path such as ./name"),
        (SubmitSettings, ["+fixd=1"], "fixd: there is no such setting: did you mean fixed?"),
        (SubmitSettings, ["+colour=1"], "colour: there is no such setting, leave it out"),
        (DrawSettings, ["+draw.sizes=1"], "draw.sizes: there is no such setting: did you mean size?"),
        (SubmitSettings, ["~on_failed"], "on_failed is missing: choose error or drop"),
        (CombineSettings, ["weights=[1,-1]"], "weights=[1, -1]: give a number above 0, several as [A,B] or null"),
        (CombineSettings, ["folds=[true]"], "folds=[true]: give a whole number from 0 on, several as [A,B] or null"),
        (CombineSettings, ["output=2018"], "output=2018: give a path such as ./name or null"),
        (ReportSettings, ["steps=[a]"], "steps=[\"a\"]: write steps='{NAME: FOLDER, NAME: FOLDER}'"),
        (ReportSettings, ["threshold=inf"], "threshold=Infinity: give a number from 0 to 1 or null"),
        (ReportSettings, ["epoch=0"], "epoch=0: give best, last or a whole number above 0"),
        (ReportSettings, ["image_size=true"], "image_size=true: give a whole number above 0 or null"),
        (NeighboursSettings, ["k=3.5"], "k=3.5: give a whole number above 0"),
        (NeighboursSettings, ["workers=-1"], "workers=-1: give a whole number from 0 on or null"),
        (NeighboursSettings, ["threshold=abc"], "threshold=abc: give auto or a number from -1 to 1"),
        (NeighboursSettings, ["bits=10"], "bits=10: choose auto, 8, 12, 16 or null"),
        (NeighboursSettings, ["trainer.num_nodes=0"], "trainer.num_nodes=0: give a whole number above 0"),
        (DrawSettings, ["draw.workers=-1"], "draw.workers=-1: give a whole number above 0 or null"),
        (DrawSettings, ["draw.seed=abc"], "draw.seed=abc: give a whole number from 0 on"),
        (DrawSettings, ["draw=5"], "draw=5: give a mapping as {NAME: VALUE}"),
        (PrepareSettings, ["prepare.backend=slurm"], "prepare.backend=slurm: choose processes or dask"),
        (PrepareSettings, ["prepare.workers=-2"], "prepare.workers=-2: give -1 or a whole number above 0"),
        (PrepareSettings, ["prepare.download.wait=nan"], "prepare.download.wait=NaN: give a number from 0 on"),
        (PrepareSettings, ["prepare.download.base_url=1"], "prepare.download.base_url=1: give a text"),
        (PrepareSettings, ["prepare.rgb_channels=[0,1]"],
         "prepare.rgb_channels=[0, 1]: choose a list of 4, each 0, 1 or 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(settings, words, sentence):
    with pytest.raises(InputError) as refused:
        settings.of(composed(settings, *words))
    assert str(refused.value) == sentence


def test_all_that_does_not_fit_is_said_at_once():
    with pytest.raises(InputError) as refused:
        DrawSettings.of(composed(DrawSettings, "draw.fields=0", "draw.size=true", "draw.format=bmp"))
    assert str(refused.value).splitlines() == [
        "3 settings cannot be used:",
        "  draw.fields=0: give a whole number above 0",
        "  draw.size=true: give a whole number above 0",
        "  draw.format=bmp: choose png, tif or both",
    ]


@pytest.mark.parametrize("settings", VERBS)
def test_commands_end_with_the_sentence_alone(settings, monkeypatch, tmp_path):
    verb, given = VERBS[settings]
    monkeypatch.setattr(sys, "argv", [verb, *given, f"paths.root={tmp_path}", f"paths.outputs={tmp_path}", "paths.x=1"])
    module = import_module(f"hpa_lit.{verb}")
    with pytest.raises(SystemExit, match="Valid keys here: outputs, root"):
        module.main()
    sys.argv[-1] = "paths.outputs=5"
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert str(ended.value) == "error: paths.outputs=5: give a path such as ./name"
    assert ended.value.code == BAD_INPUT
    assert not list(tmp_path.iterdir())


def test_one_may_stand_for_several_and_whole_numbers_for_numbers():
    assert ReportSettings.of(composed(ReportSettings, "truth=a/b")).truth == (Path("a/b"),)
    assert ReportSettings.of(composed(ReportSettings, "truth=[a,b]")).truth == (Path("a"), Path("b"))
    assert CombineSettings.of(composed(CombineSettings, "weights=2")).weights == (2.0,)
    submit = SubmitSettings.of(composed(SubmitSettings, "fixed=1", "ratios=train.csv", "leak=data"))
    assert (submit.fixed, submit.ratios, submit.leak) == (1.0, Path("train.csv"), "data")
    assert SubmitSettings.of(composed(SubmitSettings, "ratios=train")).ratios == "train"
    neighbours = composed(NeighboursSettings, "trainer=cpu", "+trainer.benchmark=true")
    assert NeighboursSettings.of(neighbours).trainer.plain()["benchmark"] is True
