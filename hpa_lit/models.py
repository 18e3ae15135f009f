"""Trained models that others have published, by name: ``python -m hpa_lit.models``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from pydantic import Field

from hpa_lit.cli.command import command
from hpa_lit.cli.settings import Paths, Settings
from hpa_lit.cli.table import aligned
from hpa_lit.errors import InputError

if TYPE_CHECKING:
    from hpa_lit.inference.published import PublishedModel


class ModelsSettings(Settings):
    """Of conf/models.yaml, which says what each is."""

    paths: Paths
    model: str | None
    fetch: bool
    compare: Path | None
    as_json: bool = Field(alias="json")


@command("models")
def main(config: DictConfig) -> None:
    """List the models, or say all of one, fetch it, or compare the ways to read it."""
    settings = ModelsSettings.of(config)
    from hpa_lit.inference.published import published_model, published_models, weights_of

    models = published_models()
    if settings.model is not None:
        models = {settings.model: published_model(settings.model)}
    elif settings.fetch or settings.compare:
        raise InputError(f"say which: model=NAME, one of {', '.join(models)}")
    if settings.fetch:
        for model in models.values():
            print(weights_of(model))
    elif settings.model is not None and settings.compare:
        compare(settings.model, settings.compare)
    elif settings.as_json:
        print(json.dumps({name: known(model) for name, model in models.items()}, indent=1))
    elif settings.model is not None:
        (model,) = models.values()
        print(*(f"{key}: {value}" for key, value in known(model).items()), sep="\n")
    else:
        rows = [row(name, model) for name, model in models.items()]
        print(*aligned([("model", "network", "image, crop", "answers", "licence", "here"), *rows]), sep="\n")
        print("hpa-lit models model=NAME says more; hpa-lit predict model=NAME images=DIR out=result.csv predicts")


def row(name: str, model: "PublishedModel") -> tuple[str, ...]:
    """A row of the list."""
    here = "yes" if model.place.is_file() else "fetched when used"
    return name, model.arch, f"{model.image_size}, {model.crop_size}", "28 locations", model.licence, here


def known(model: "PublishedModel") -> dict[str, Any]:
    """All that is known of a model."""
    return {
        **model.model_dump(),
        "labels": "the 28 locations",
        "here": model.place.is_file(),
        "place": str(model.place),
    }


def compare(name: str, folder: Path) -> None:
    """Say what each reading of a model's file answers for its publishers' example pictures that a folder has."""
    from hpa_lit.files import rgby
    from hpa_lit.inference.loaded import load_model
    from hpa_lit.inference.published import published_model

    examples = published_model(name).examples
    files = {image_id: there for image_id, there in rgby.list_images(folder).items() if image_id in examples}
    if not files:
        raise InputError(f"compare={folder}: it has none of the pictures {', '.join(examples)}, <Id>_red.jpg and so on")
    for reading in (name, *published_model(name).others):
        model = load_model(reading)
        print(model.model.remark)
        result = model.predict([path for planes in files.values() for path in planes.values()])
        right = 0
        for image_id, probabilities in zip(result.ids, result.probabilities, strict=True):
            label, wanted = model.labels[probabilities.argmax()], examples[image_id]
            verdict = "as its publishers say" if label == wanted else f"where its publishers say {wanted}"
            print(f"  {image_id}: {label}, {probabilities.max():.3f}, {verdict}")
            right += label == wanted
        print(f"  {right} of {len(result.ids)} as its publishers say")


if __name__ == "__main__":
    main()
