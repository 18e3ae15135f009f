"""Who may import whom, read from the imports themselves, those inside functions too."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "hpa_lit"
GROUND = {"labels", "errors", "processes", "files", "progress"}
# Rooms, and the other rooms that each may use.
ROOMS = {
    "stages": set(),
    "segmentation": set(),
    "synthetic": set(),
    "nets": set(),
    "losses": set(),
    "schedules": set(),
    "results": set(),
    "data": {"stages"},
    "preflight": {"stages"},
    "tasks": {"data", "nets", "losses", "schedules", "results"},
    "inference": {"data", "nets", "results"},
    "figures": {"results"},
    "portable": {"nets", "inference"},
}
CLI = "cli"  # what verbs share
VERBS = {"cells", "check", "combine", "compare", "demo", "draw", "embed", "export", "models", "neighbours", "pipeline"}
VERBS |= {"predict", "prepare", "report", "runs", "submit", "train"}
LIGHTNING = {"tasks", "data", "inference", "train"}
VAGUE = {"utils", "common", "helpers", "misc", "base"}

FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, `from` names joined to their module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(path: Path) -> set[str]:
    """The modules and rooms of this package that a file imports, by their first name in it."""
    parts = [name.split(".") for name in imported(path)]
    return {part[1] for part in parts if part[0] == "hpa_lit" and len(part) > 1} - {"__version__"}


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def place(path: Path) -> str:
    """The room of a file, or its own name at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_keep_to_their_layer(path):
    where, known = place(path), ours(path)
    if where in GROUND:
        assert known <= GROUND
    elif where in ROOMS:
        assert known <= GROUND | ROOMS[where] | {where}
        assert not libraries(path) & {"hydra", "omegaconf"}
    elif where == CLI:
        assert known <= GROUND | {CLI}
    else:
        assert known <= GROUND | {CLI} | ROOMS.keys(), "a verb imports rooms, never a verb"
    if where not in LIGHTNING:
        assert not libraries(path) & {"pytorch_lightning", "lightning"}
    assert not VAGUE & set(path.relative_to(PACKAGE).with_suffix("").parts)


def test_results_see_torch_as_a_matrix_library_alone():
    users = [path.stem for path in (PACKAGE / "results").glob("*.py") if "torch" in libraries(path)]
    assert users == ["neighbours"]
    assert {name for name in imported(PACKAGE / "results" / "neighbours.py") if name.startswith("torch")} == {"torch"}


def test_data_uses_of_stages_the_pure_cores_of_folds_alone():
    users = [name for path in (PACKAGE / "data").glob("*.py") for name in imported(path) if "hpa_lit.stages" in name]
    assert all(name.startswith("hpa_lit.stages.folds.") for name in users)


@pytest.mark.parametrize(("room", "modules"), [("inference", {"decision", "thresholds"}), ("tasks", {"deciding"})])
def test_of_results_a_network_needs_how_answers_are_made_alone(room, modules):
    names = [name for path in (PACKAGE / room).glob("*.py") for name in imported(path)]
    names = [name.removeprefix("hpa_lit.results.") for name in names if name.startswith("hpa_lit.results.")]
    assert {name.split(".")[0] for name in names} == modules


def test_every_room_and_every_file_beside_them_is_known():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == ROOMS.keys() | {CLI, "files"}
    assert {path.stem for path in PACKAGE.glob("*.py")} == VERBS | {"__init__", "__main__"} | GROUND - {"files"}
