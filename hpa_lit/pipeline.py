"""Recipes over folds to an answer: ``python -m hpa_lit.pipeline experiment=densenet121_large_i1536 folds=[0,1,2]``.

Each step is a command, started as a process; the same line started again does what is not done yet.
"""

from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command, resolved
from hpa_lit.cli.plan import Pipeline
from hpa_lit.cli.steps import run_steps
from hpa_lit.files.tree import OutputTree


@command("pipeline", {"experiment": "recipes"})
def main(config: DictConfig) -> None:
    """Compose the steps, run what is not done, say where the answer is."""
    settings = resolved(config)
    recipes = settings["recipes"]
    name = settings["name"] or (recipes if isinstance(recipes, str) else "+".join(recipes))
    out = OutputTree(Path(settings["paths"]["outputs"])).pipeline(name)
    pipeline = Pipeline(settings, out)
    if settings["dry_run"]:
        for step in pipeline.steps:
            print(f"{step}{'  # there already' if step.done else ''}")
        return
    claim(out.config, settings, "name=NAME")
    run_steps(pipeline.steps, out.logs)
    print(pipeline.summary())


if __name__ == "__main__":
    main()
