"""Draw a synthetic atlas: ``python -m hpa_lit.draw paths.root=DIR draw.fields=300``."""

from pathlib import Path

from omegaconf import DictConfig

from hpa_lit.cli.command import command, resolved
from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree, replacing

FORMATS = ("png", "tif", "both")


@command("draw")
def main(config: DictConfig) -> None:
    """Draw the images, the tables and the hidden answers, then say what there is."""
    import cv2

    from hpa_lit.synthetic import contact_sheet, draw_atlas

    settings = resolved(config)["draw"]
    if settings["format"] not in FORMATS:
        raise InputError(f"draw.format={settings['format']}: choose from {', '.join(FORMATS)}")
    tree = DataTree(Path(config.paths.root).absolute())
    plan = draw_atlas(
        tree,
        fields=settings["fields"],
        test_share=settings["test_share"],
        external_share=settings["external_share"],
        images_per_antibody=settings["images_per_antibody"],
        duplicates=settings["duplicates"],
        size=settings["size"],
        files=settings["format"],
        seed=settings["seed"],
        workers=settings["workers"],
    )
    sets = ", ".join(f"{len(plan.of(name))} {name}" for name in ("train", "test", "external"))
    print(f"drawn in {tree.root}: {sets} images, {len(plan.planted)} planted pairs")
    print(f"to download the external images: python -m http.server --directory {tree.site}")
    if settings["contact_sheet"]:
        with replacing(tree.contact_sheet) as temporary:
            cv2.imwrite(str(temporary), cv2.cvtColor(contact_sheet(seed=settings["seed"]), cv2.COLOR_RGB2BGR))
        print(f"contact sheet: {tree.contact_sheet}")


if __name__ == "__main__":
    main()
