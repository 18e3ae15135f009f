"""Every config composes, and says what it should."""

import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class, get_method
from omegaconf import OmegaConf

import hpa_lit.cli.resolvers  # noqa: F401  registers what the configs resolve with
from hpa_lit import __version__
from hpa_lit.__main__ import COMMANDS
from hpa_lit.cli.resolvers import choices
from hpa_lit.cli.words import FOLDER, written_out
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.files.tree import AnswerTree, OutputTree, RunTree

CONF = Path(conf_dir())
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
# method 7: arch, image size, crop, batch, schedule, epochs, split.
RECIPES = {
    "densenet121_i768": ("densenet121", 768, 512, 48, "adam55", 55, "random_ext"),
    "densenet121_large_i1536": ("densenet121_large", 1536, 1024, 36, "adam45", 45, "random_ext_noleak_clean"),
    "inceptionv3_i768": ("inceptionv3", 768, 512, 64, "adam45", 45, "random_ext_noleak_clean"),
    "resnet34_i1536": ("resnet34", 1536, 1024, 48, "adam45", 45, "random_ext_noleak_clean"),
    "arcface_resnet50_i768": ("resnet50_arcface", 768, None, 32, "face_adam", 50, "antibody"),
}


def composed(*overrides, name="train"):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose(name, list(overrides)), resolve=True, throw_on_missing=False)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiments_compose_and_name_what_exists(experiment):
    config = composed(f"experiment={experiment}")
    assert callable(get_class(config["scheduler"]["_target_"]))
    assert callable(get_class(config["data"]["_target_"]))
    assert callable(get_method(config["arch"]["_target_"]))
    assert callable(get_class(config["task"]["_target_"]))
    assert callable(get_class(config["loss"]["_target_"]))
    assert config["batch_size"] >= 1


def name_of(scheduler):
    """The file of conf/scheduler/ with these rates."""
    (name,) = [
        p.stem for p in (CONF / "scheduler").glob("*.yaml") if OmegaConf.load(p).get("rates") == scheduler["rates"]
    ]
    return name


@pytest.mark.parametrize("experiment", RECIPES)
def test_recipes_are_those_of_the_method(experiment):
    c = composed(f"experiment={experiment}")
    assert (
        c["arch"]["arch"],
        c["data"]["image_size"],
        c["data"]["crop_size"],
        c["batch_size"],
        name_of(c["scheduler"]),
        c["scheduler"]["epochs"],
        c["split"],
    ) == RECIPES[experiment]


@pytest.mark.parametrize("experiment", ["densenet121_large_i1536", "inceptionv3_i768", "resnet34_i1536"])
def test_arch_and_data_alone_are_the_recipe(experiment):
    arch, data = experiment.rsplit("_", 1)
    assert composed(f"arch={arch}", f"data={data}", "fold=0") == composed(f"experiment={experiment}", "fold=0")


def test_the_command_line_wins_over_an_experiment():
    config = composed("experiment=densenet121_i768", "arch=resnet18", "scheduler=adam45", "batch_size=7")
    assert (config["arch"]["arch"], name_of(config["scheduler"]), config["batch_size"]) == ("resnet18", "adam45", 7)


@pytest.mark.parametrize(
    ("overrides", "folder"),
    [
        (["fold=3"], "densenet121_i768/fold3"),
        (["experiment=arcface_resnet50_i768"], "resnet50_arcface_i768"),
        (["arch=timm", "arch.arch=timm/convnext_tiny", "tag=b"], "timm-convnext_tiny_i768_b/fold0"),
    ],
)
def test_run_folders(overrides, folder):
    assert composed(*overrides)["run_folder"] == folder


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_tag_makes_any_run_another_one(experiment):
    plain, tagged = (Path(composed(f"experiment={experiment}", *more)["run_folder"]) for more in ([], ["tag=b"]))
    assert tagged == Path(f"{plain.parts[0]}_b", *plain.parts[1:])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", [["--help"], ["--cfg", "job"]])
def test_help_does_not_wait_for_heavy_imports(command, flag):
    code = (
        "import sys, runpy\n"
        f"sys.argv = [{command!r}, *{flag!r}]\n"
        "try:\n"
        f"    runpy.run_module('hpa_lit.{command}', run_name='__main__')\n"
        "except SystemExit as exit: assert not exit.code, exit.code\n"
        "heavy = {'torch', 'pandas', 'cv2', 'scipy', 'sklearn', 'matplotlib', 'tifffile'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("What people change most" in done.stdout) == ("--help" in flag)
    assert ("paths:\n" in done.stdout) == ("--cfg" in flag)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_what_exists(command, monkeypatch):
    def show(*words):
        monkeypatch.setattr(sys, "argv", [command, *words, "--cfg", "job"])
        import_module(f"hpa_lit.{command}").main()  # ends in SystemExit where a word is unknown

    with initialize_config_dir(str(CONF), version_base="1.3"):
        # A default that is no choice stands in brackets; here every group is what its last choice says.
        groups = re.sub(r"\n {14}", " ", choices(command)).splitlines()
        last = dict(re.fullmatch(r"  (\S+) .*, (\S+)", line).groups() for line in groups if "," in line)
        help_ = compose(command, return_hydra_config=True).hydra.help
        words = [f"{group}={choice}" for group, choice in last.items()]
        chosen = compose(command, words, return_hydra_config=True).hydra.runtime.choices
    assert {group: chosen[group] for group in last} == last
    keys = re.findall(r"^  (\S+)  +\S", help_.footer, re.MULTILINE)
    assert 0 < len(keys) <= 5
    assert len(keys) == len(help_.footer.splitlines())
    show(*(f"{key}=x" for key in keys))
    examples = re.findall(rf"^  python -m hpa_lit\.{command}\b(.*)", help_.header, re.MULTILINE)
    assert examples
    for example in examples:
        show(*re.sub(r"-m (.*)=[\d,]+", r"\1=0", example).split())


def test_what_examples_of_help_name_is_made_by_those_before_them():
    made, named = [], 0
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for command in COMMANDS:
            header = compose(command, return_hydra_config=True).hydra.help.header
            for line in re.findall(rf"^  python -m hpa_lit\.{command}\b(.*)", header, re.MULTILINE):
                words = [word for word in shlex.split(line.replace("0,1,2,3,4", "0")) if word[0] != "-"]
                places = [word.partition("=")[2] for word in words if "=outputs/" in word]
                assert not [place for place in places if not any(fnmatch(one, f"{place}*") for one in made)]
                named += len(places)
                if command in ("train", "predict", "embed", "combine", "submit"):
                    made += outputs(command, written_out(words, FOLDER if command == "train" else {}))
    assert named > 10


def outputs(command, words):
    """What a command writes where no place is asked for."""
    config = compose(command, words, return_hydra_config=True)
    if command == "train":
        return [config.hydra.run.dir]
    if command == "predict" and config.run and config.dataset:
        return [str(RunTree(Path(config.run)).predictions(config.dataset, config.epoch, config.views.name))]
    if command == "embed" and config.dataset:
        return [str(RunTree(Path(config.run)).features(config.dataset, f"epoch_{config.epoch:03}"))]
    if command == "combine":
        return [str(OutputTree(Path(config.paths.outputs)).combined("test"))]
    if command == "submit":
        HydraConfig.instance().set_config(config)
        return [str(AnswerTree(Path(config.output)).submission)]
    return []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_key_is_answered_with_the_one_that_was_meant(command, monkeypatch, capsys):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        help_ = compose(command, return_hydra_config=True).hydra.help
    keys = re.findall(r"^  ([a-z_]+)  +\S", help_.footer, re.MULTILINE)
    mistyped = {f"{keys[-1]}{keys[-1][-1]}": keys[-1]} if keys else {}
    for wrong, right in (mistyped | ({"image": "images"} if "images" in keys else {})).items():
        monkeypatch.setattr(sys, "argv", [command, f"{wrong}=tiles"])
        with pytest.raises(SystemExit) as ended:
            import_module(f"hpa_lit.{command}").main()
        said, valid = capsys.readouterr().err.splitlines()
        assert ended.value.code == 2
        assert said == f"error: there is no setting {wrong}: did you mean {right}?"
        assert valid.startswith("Valid keys here: ")
        assert "hydra" not in valid


def test_version_is_ours_for_every_command():
    for command in (["hpa_lit.train"], ["hpa_lit.demo"], ["hpa_lit", "predict"], ["hpa_lit"]):
        done = subprocess.run([sys.executable, "-m", *command, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"hpa-lit {__version__}\n")


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        ("trainer.devicez=1", "trainer.devicez: did you mean devices?\nValid keys here: accelerator, accumulate_grad"),
        ("trainer.benchmark=true", "To append to your config use +trainer.benchmark=true\nValid keys here: "),
        ("experimnt=small", "there is no setting experimnt: did you mean experiment?"),
        ("data=i76", "i1536"),
        ("experiment=tiny", "small"),
        ("arch=timm", "arch.arch"),
    ],
)
def test_mistyped_keys_and_choices_list_the_valid_ones(argument, wanted):
    done = subprocess.run([sys.executable, "-m", "hpa_lit.train", argument], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("word", "key", "made"),
    [
        ("loss=bce", "loss", {"_target_": "hpa_lit.losses.BCELoss", "smoothing": 0.0}),
        (
            "loss=asymmetric",
            "loss",
            {"_target_": "hpa_lit.losses.AsymmetricLoss", "gamma_negative": 4.0, "gamma_positive": 0.0, "margin": 0.05},
        ),
        ("mixing=mixup", "mixing", {"_target_": "hpa_lit.tasks.mixing.MixUp", "alpha": 0.4}),
        ("mixing=cutmix", "mixing", {"_target_": "hpa_lit.tasks.mixing.CutMix", "alpha": 1.0}),
        (
            "scheduler=warmup_cosine",
            "scheduler",
            {
                "_target_": "hpa_lit.schedules.WarmupCosine",
                "epochs": 30,
                "rate": 1e-3,
                "warmup": 3,
                "final": 0.01,
                "last": 30,
            },
        ),
    ],
)
def test_choices_of_a_modern_recipe(word, key, made):
    config = composed("experiment=small", word)
    assert config[key] == made
    assert callable(get_class(made["_target_"]))
