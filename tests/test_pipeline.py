import json
import shlex
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

import hpa_lit.cli.resolvers  # noqa: F401  registers what the configs resolve with
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.files.tree import RunTree
from hpa_lit.labels import encode_all
from hpa_lit.results.evaluation import present_macro_f1

SMALL = [
    *(
        "draw=draw.fields=60 draw.external_share=0.5 draw.duplicates=1 draw.size=256",
        "prepare=data=i256 prepare.upscale=true",
    ),
    *("train=scheduler.epochs=1", "views=dihedral", "report=maps=1"),
]


def run(verb, *words, timeout=900):
    command = [sys.executable, "-m", f"hpa_lit.{verb}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def printed_steps(done):
    assert done.returncode == 0, done.stderr
    return [shlex.split(line, comments=True)[2:] for line in done.stdout.splitlines()]


def verbs(steps):
    return [module.removeprefix("hpa_lit.") for module, *_ in steps]


def test_a_dry_run_says_commands_that_compose(tmp_path):
    steps = printed_steps(run("pipeline", "experiment=[densenet121_i768,resnet34_i1536]", "folds=[0,2]", "--dry-run"))
    last = ["combine", "submit", "embed", "embed", "neighbours", "report"]
    assert verbs(steps) == ["train"] * 5 + ["predict"] * 4 + last
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        configs = [compose(module.removeprefix("hpa_lit."), words) for module, *words in steps]
    assert [(c.arch.arch, c.fold) for c in configs[:4]] == [
        *(("densenet121", 0), ("densenet121", 2), ("resnet34", 0), ("resnet34", 2)),
    ]
    assert [c.run for c in configs[5:9]] == [f"outputs/train/{c.run_folder}" for c in configs[:4]]
    combine, submit, external, test, neighbours, report = configs[9:]
    assert list(combine.predictions) == [c.out for c in configs[5:9]]
    assert submit.predictions == combine.output == report.predictions
    assert submit.leak == "data"
    assert (external.epoch, test.dataset, external.run) == (45, "test", "outputs/train/resnet50_arcface_i768")
    assert (neighbours.gallery, neighbours.queries) == (external.out, test.out)
    assert neighbours.submission == f"{submit.output}/submission.csv"
    assert report.submission == neighbours.output


def test_with_the_truth_there_is_an_answer_after_every_step():
    more = "train=trainer=ddp 'tag=a b'"
    steps = printed_steps(run("pipeline", "truth=t.csv", "folds=[0]", "embedder=null", more, "--dry-run"))
    assert {"trainer=ddp", "tag=a b"} < set(steps[0])
    judged = [words for module, *words in steps if module == "hpa_lit.submit"]
    assert len(judged) == 6
    assert all("truth=['t.csv']" in words for words in judged)
    assert "neighbours" not in verbs(steps)


def test_a_command_takes_more_settings_and_is_still_told_its_output():
    steps = printed_steps(run("pipeline", "folds=[0]", "predict=epoch=last views=none", "--dry-run"))
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        predict, combine, embed = (
            compose(verb, next(words for module, *words in steps if module == f"hpa_lit.{verb}"))
            for verb in ("predict", "combine", "embed")
        )
    assert (predict.epoch, predict.views.name, embed.epoch) == ("last", "none", 45)
    assert list(combine.predictions) == [predict.out]


def test_an_unknown_recipe_is_named():
    done = run("pipeline", "experiment=densnet", "--dry-run")
    assert done.returncode == 2
    assert "experiment/densnet" in done.stderr
    assert "densenet121_large_i1536" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_demo_killed_and_started_again_ends_with_scores(tmp_path):
    words = [f"folder={tmp_path}/demo", *SMALL]
    command = [sys.executable, "-m", "hpa_lit.demo", *words]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    fold0 = RunTree(tmp_path / "demo" / "train" / "demo" / "fold0").result
    until = time.monotonic() + 300
    while not fold0.is_file() and time.monotonic() < until:
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    assert "Traceback" not in first.communicate(timeout=60)[1]
    assert first.returncode == 130
    made = fold0.stat().st_mtime_ns

    done = run("demo", *words)
    assert done.returncode == 0, done.stderr
    assert "draw an atlas: there already" in done.stdout
    assert "prepare it: there already" in done.stdout
    assert "train demo fold 0: there already" in done.stdout
    assert fold0.stat().st_mtime_ns == made

    answer = tmp_path / "demo" / "pipeline" / "demo" / "answers" / "neighbours"
    truth = pd.read_csv(tmp_path / "demo" / "data" / "hidden" / "test_truth.csv", index_col="Id").Target
    given = pd.read_csv(answer / "submission.csv", index_col="Id").Predicted
    expected = present_macro_f1(*(encode_all(labels.loc[truth.index].tolist()) for labels in (truth, given)))
    scores = json.loads((answer / "scores.json").read_text())["scores"]
    assert scores["macro_f1"] == pytest.approx(expected)
    assert f"neighbours           {expected:.4f}" in done.stdout
    assert (tmp_path / "demo" / "pipeline" / "demo" / "report" / "report.html").is_file()

    other = run("demo", *words, "folds=[0]")
    assert other.returncode == 2
    assert "folds: [0, 1] there, [0] now" in other.stderr
