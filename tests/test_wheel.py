"""The package works from a wheel, away from the checkout, and from an archive of its sources."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from small_run import LABELS, save_pictures, save_run

import hpa_lit

CHECKOUT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A folder with what `make dist` builds: the sources as an archive, and a wheel."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=CHECKOUT, check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def wheel(dist, tmp_path_factory):
    """A wheel made from the archive of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    (archive,) = dist.glob("*.tar.gz")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, archive]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder with the package as that wheel installs it; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([*PIP, "install", "--no-deps", "--target", folder, wheel], check=True, timeout=300)
    return folder


def run(site, folder, *command):
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_sources_give_the_wheel_that_the_checkout_gives(dist, wheel):
    (direct,) = dist.glob("*.whl")
    assert direct.name == wheel.name == f"hpa_lit-{hpa_lit.__version__}-py3-none-any.whl"
    mine, theirs = ({item.filename: item.CRC for item in ZipFile(path).infolist()} for path in (direct, wheel))
    assert mine == theirs


def test_the_wheel_brings_the_configs(site, tmp_path):
    code = "import hpa_lit.files.conf_dir as c; print(c.conf_dir())"
    assert run(site, tmp_path, sys.executable, "-c", code).stdout.strip() == str(site / "hpa_lit" / "conf")
    shipped = {path.relative_to(site / "hpa_lit" / "conf") for path in (site / "hpa_lit" / "conf").rglob("*.yaml")}
    assert shipped == {path.relative_to(CHECKOUT / "conf") for path in (CHECKOUT / "conf").rglob("*.yaml")}


def test_the_wheel_brings_the_page_of_reports(site):
    parts = Path("hpa_lit") / "figures" / "template"
    assert (CHECKOUT / parts / "page.html").is_file()
    for part in (CHECKOUT / parts).iterdir():
        assert (site / parts / part.name).read_text() == part.read_text()


def test_module_and_script_compose_alike(site, tmp_path):
    overrides = ["train", "experiment=densenet121_large_i1536", "fold=1", "--cfg", "job"]
    module = run(site, tmp_path, sys.executable, "-m", "hpa_lit", *overrides)
    script = run(site, tmp_path, sys.executable, str(site / "bin" / "hpa-lit"), *overrides)
    checkout = run(CHECKOUT, tmp_path, sys.executable, "-m", "hpa_lit", *overrides)
    assert module.returncode == 0, module.stderr
    assert "arch: densenet121_large" in module.stdout
    assert module.stdout == script.stdout == checkout.stdout
    assert not list(tmp_path.iterdir())


def test_the_wheel_predicts(site, tmp_path):
    trained, _ = save_run(tmp_path / "run")
    (tmp_path / "pictures").mkdir()
    save_pictures(tmp_path / "pictures", 3)
    words = [f"run={trained.folder}", "images=pictures", "out=result.csv", "workers=0", "trainer=cpu"]
    done = run(site, tmp_path, sys.executable, str(site / "bin" / "hpa-lit"), "predict", *words)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "result.csv")
    assert list(table["Id"]) == ["i00", "i01", "i02"]
    assert table[LABELS].to_numpy().all()


def test_the_version_is_said(site, tmp_path):
    done = run(site, tmp_path, sys.executable, str(site / "bin" / "hpa-lit"), "--version")
    assert (done.returncode, done.stdout) == (0, f"hpa-lit {hpa_lit.__version__}\n")


def test_the_wheel_completes(site, tmp_path):
    script = str(site / "bin" / "hpa-lit")
    for shell in ("bash", "zsh"):
        done = run(site, tmp_path, sys.executable, script, "completion", shell)
        assert done.stdout == (CHECKOUT / "hpa_lit" / "cli" / f"completion.{shell}").read_text()
    done = run(site, tmp_path, sys.executable, script, "completion", "candidates", "hpa-lit train arch=resnet3")
    assert done.stdout == "resnet34\n"


def test_the_list_of_commands_names_modules_that_exist(site, tmp_path):
    done = run(site, tmp_path, sys.executable, "-m", "hpa_lit", "--help")
    names = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert "train" in names
    for name in names:
        assert (site / "hpa_lit" / f"{name}.py").is_file()


def test_an_unknown_command_lists_the_known_ones(site, tmp_path):
    done = run(site, tmp_path, sys.executable, "-m", "hpa_lit", "trian")
    assert done.returncode == 2
    assert "there is no command 'trian': did you mean train?" in done.stderr
    assert "train" in done.stderr
