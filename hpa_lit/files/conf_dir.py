"""Where the configuration lies: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path


def conf_dir() -> str:
    """Absolute path of the `conf` folder, for Hydra's ``config_path``."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "conf"
    return str(checkout if (checkout / "train.yaml").is_file() else package / "conf")
