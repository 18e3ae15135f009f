"""The package works from a wheel, away from the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the package as a wheel installs it; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, CHECKOUT], check=True, timeout=300
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True, timeout=300)
    return folder / "site"


def run(site, folder, *command):
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


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


def test_the_list_of_commands_names_modules_that_exist(site, tmp_path):
    done = run(site, tmp_path, sys.executable, "-m", "hpa_lit", "--help")
    names = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert "train" in names
    for name in names:
        assert (site / "hpa_lit" / f"{name}.py").is_file()


def test_an_unknown_command_lists_the_known_ones(site, tmp_path):
    done = run(site, tmp_path, sys.executable, "-m", "hpa_lit", "trian")
    assert done.returncode == 2
    assert "there is no command 'trian'" in done.stderr
    assert "train" in done.stderr
