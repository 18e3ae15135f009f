"""Recipes over folds to an answer: ``python -m hpa_lit.pipeline experiment=densenet121_large_i1536 folds=[0,1,2]``.

Each step is a command, started as a process; the same line started again does what is not done yet.
"""

from omegaconf import DictConfig

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.plan import FREE, PipelineSettings, plan, summary
from hpa_lit.cli.planned_run import planned_run
from hpa_lit.cli.steps import run_steps
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, folder_lock


@command("pipeline", {"experiment": "recipes"})
def main(config: DictConfig) -> None:
    """Plan the steps, run what is not done, say where the answer is."""
    settings = PipelineSettings.of(config)
    out = OutputTree(settings.paths.outputs).pipeline(settings.name or "+".join(settings.recipes))
    planned = plan(settings, out, planned_run)
    if settings.dry_run:
        for step in planned.steps:
            print(f"{step}{'' if step.lack else '  # there already'}")
        return
    with held(folder_lock(out.folder), out.folder, "set name=NAME"):
        claim(out.config, settings.plain(), "name=NAME", FREE)
        run_steps(planned.steps, out.logs, settings.at_once)
    print(summary(settings, out, planned.answers))


if __name__ == "__main__":
    main()
