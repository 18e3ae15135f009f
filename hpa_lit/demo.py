"""See it work: ``python -m hpa_lit.demo`` draws an atlas and takes it from nothing to a scored answer.

It is the commands that a real atlas takes, each as a process: draw, prepare, then those of the pipeline. Started again
it goes on where it stopped.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command, resolved
from hpa_lit.cli.plan import Pipeline
from hpa_lit.cli.steps import Step, run_steps, setting
from hpa_lit.files.tree import DataTree, OutputTree


@command("demo", {"experiment": "recipes"})
def main(config: DictConfig) -> None:
    """Draw, serve the external images in place of their website, prepare, and run the pipeline."""
    settings = resolved(config)
    tree = DataTree(Path(settings["paths"]["root"]))
    pipeline = Pipeline(settings, out := OutputTree(Path(settings["paths"]["outputs"])).pipeline(settings["name"]))
    root = setting("paths.root", tree.root)
    with served(tree.site) as url:
        download = setting("prepare.download.base_url", f"{url}/images")
        steps = [
            Step("draw an atlas", "draw", (root, *pipeline.more("draw")), tree.leak_csv),
            Step("prepare it", "prepare", (root, download, *pipeline.more("prepare")), tree.verified, (tree.leak_csv,)),
            *pipeline.steps,
        ]
        if settings["dry_run"]:
            print("\n".join(map(str, steps)))
            return
        claim(out.config, settings, "folder=NAME")
        run_steps(steps, out.logs)
    print(pipeline.summary())


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
