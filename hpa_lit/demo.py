"""See it work: ``python -m hpa_lit.demo`` draws an atlas and takes it from nothing to a scored answer.

It is the commands that a real atlas takes, each as a process: draw, prepare, then those of the pipeline. Started again
it goes on where it stopped.
"""

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.plan import FREE, PipelineSettings, plan, summary
from hpa_lit.cli.planned_run import planned_run
from hpa_lit.cli.settings import Place
from hpa_lit.cli.steps import Step, run_steps, setting
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, folder_lock


class DemoSettings(PipelineSettings):
    """Of conf/demo.yaml."""

    name: Place
    folder: Path
    draw: str
    prepare: str


@command("demo", {"experiment": "recipes"})
def main(config: DictConfig) -> None:
    """Draw, serve the external images in place of their website, prepare, and run the pipeline."""
    settings = DemoSettings.of(config)
    tree = DataTree(settings.paths.root)
    out = OutputTree(settings.paths.outputs).pipeline(settings.name)
    planned = plan(settings, out, planned_run)
    root = setting("paths.root", tree.root)
    with served(tree.site) as url:
        site = setting("prepare.download.base_url", f"{url}/images")
        prepare = (root, site, *shlex.split(settings.prepare))
        steps = [
            Step("draw an atlas", "draw", (root, *shlex.split(settings.draw)), tree.leak_csv),
            Step("prepare it", "prepare", prepare, tree.verified, (tree.leak_csv,)),
            *(replace(step, inputs=step.inputs or (tree.verified,)) for step in planned.steps),
        ]
        if settings.dry_run:
            print("\n".join(map(str, steps)))
            return
        with held(folder_lock(out.folder), out.folder, "set folder=NAME"):
            claim(out.config, settings.plain(), "folder=NAME", FREE)
            run_steps(steps, out.logs, settings.at_once)
    print(summary(settings, out, planned.answers))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder to this machine; yields the address."""
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of files that were fetched."""


if __name__ == "__main__":
    main()
