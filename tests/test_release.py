"""What belongs to a release says the same everywhere, and calls what exists."""

import re
import tomllib
from pathlib import Path

import yaml

import hpa_lit

CHECKOUT = Path(__file__).parent.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([\w-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def content(name):
    return yaml.safe_load((CHECKOUT / name).read_text())


def test_there_is_one_version():
    newest = re.search(r"^## (\S+?),? ", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert {PROJECT["version"], content("CITATION.cff")["version"], newest[1]} == {hpa_lit.__version__}


def test_the_workflow_calls_targets_on_the_pythons_that_the_package_takes():
    jobs = content(".github/workflows/check.yml")["jobs"]
    lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert {line.split()[0] for line in lines} == {"make"}
    assert {line.split()[1] for line in lines} == {"style", "test", "oldest", "docs", "notebooks", "dist"}
    assert {line.split()[1] for line in lines} <= TARGETS
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_hooks_are_local():
    (repository,) = content(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_the_image_copies_what_its_context_holds():
    sent = {line.removeprefix("!") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if "!" in line}
    copied = re.findall(r"^COPY (?!--from)(.+)$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()[:-1]}
    assert names == sent
    assert all((CHECKOUT / name).exists() for name in names)


def test_conda_leaves_the_packages_to_pip():
    *_, pip = content("environment.yml")["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "."]}
