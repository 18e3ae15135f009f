"""Draw a synthetic atlas: ``python -m hpa_lit.draw paths.root=DIR draw.fields=300``."""

from typing import Literal

from omegaconf import DictConfig
from pydantic import NonNegativeInt, PositiveInt

from hpa_lit.cli.command import command
from hpa_lit.cli.settings import Paths, Settings, Share
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.lock import held
from hpa_lit.files.tree import folder_lock
from hpa_lit.files.writing import replacing


class AtlasSettings(Settings):
    """Of the section draw in conf/draw.yaml, which says what each is."""

    fields: PositiveInt
    test_share: Share
    external_share: Share
    images_per_antibody: PositiveInt
    duplicates: NonNegativeInt
    size: PositiveInt
    format: Literal["png", "tif", "both"]
    mixed: Share
    seed: NonNegativeInt
    workers: PositiveInt | None
    contact_sheet: bool


class DrawSettings(Settings):
    """Of conf/draw.yaml."""

    paths: Paths
    draw: AtlasSettings


@command("draw")
def main(config: DictConfig) -> None:
    """Draw into a folder that nobody else writes into."""
    settings = DrawSettings.of(config)
    tree = DataTree(settings.paths.root.absolute())
    with held(folder_lock(tree.root), tree.root, "choose another paths.root"):
        draw(settings.draw, tree)


def draw(settings: AtlasSettings, tree: DataTree) -> None:
    """Draw the images, the tables and the hidden answers, then say what there is."""
    from PIL import Image

    from hpa_lit.synthetic import contact_sheet, draw_atlas

    plan = draw_atlas(
        tree,
        fields=settings.fields,
        test_share=settings.test_share,
        external_share=settings.external_share,
        images_per_antibody=settings.images_per_antibody,
        duplicates=settings.duplicates,
        size=settings.size,
        files=settings.format,
        mixed=settings.mixed,
        seed=settings.seed,
        workers=settings.workers,
    )
    sets = ", ".join(f"{len(plan.of(name))} {name}" for name in ("train", "test", "external"))
    print(f"drawn in {tree.root}: {sets} images, {len(plan.planted)} planted pairs")
    print(f"to download the external images: python -m http.server --directory {tree.site}")
    if settings.contact_sheet:
        with replacing(tree.contact_sheet) as temporary:
            Image.fromarray(contact_sheet(seed=settings.seed)).save(temporary)
        print(f"contact sheet: {tree.contact_sheet}")


if __name__ == "__main__":
    main()
