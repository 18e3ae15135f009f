"""State dicts on disk: read without running code, and compared with a network before anything is loaded."""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from hpa_lit.errors import InputError, listing
from hpa_lit.files import bundle

# What torch, pickle and zipfile raise for a file that is not what they take it for.
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, AttributeError, TypeError, NotImplementedError),
    *(pickle.UnpicklingError, zipfile.BadZipFile, safetensors.SafetensorError),
)


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` file, or of any other that torch can load as weights only."""
    return unwrap(read_checkpoint(path), str(path))


def read_checkpoint(path: Path) -> object:
    """Read all that a file of weights holds, without running code in it.

    Raises:
        InputError: There is no such file, or it is damaged, or is no file of weights.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        if bundle.is_bundle(path):
            return _as_checkpoint(*bundle.read(path))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as parts:  # torch itself takes whatever numbers it finds
                damaged = parts.testzip()
            if damaged is not None:
                raise zipfile.BadZipFile(damaged)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except InputError:
        raise
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path} cannot be read as weights: {error.strerror}") from error
    except UNREADABLE as error:  # torch's own words advise to run what code the file holds
        raise InputError(
            f"{path} cannot be read as weights: it is cut off or damaged, no file of torch, or holds more than tensors "
            "and plain values"
        ) from error


def _as_checkpoint(description: Mapping[str, Any], weights: bytes) -> dict[str, Any]:
    """What a bundle holds, as a checkpoint of a run holds it."""
    state = {f"net.{name}": tensor for name, tensor in safetensors.torch.load(weights).items()}
    return {"config": description["config"], "decision": description["decision"], "state_dict": state}


def unwrap(content: object, name: str) -> dict[str, Tensor]:
    """The state dict inside a checkpoint's content, without the ``module.`` that DataParallel puts before its keys."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{name} holds no state dict: expected tensors by name, or those under 'state_dict'")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


@dataclass(frozen=True)
class Weights:
    """The tensors of a file that a network is to start with.

    Attributes:
        name: The file, for messages.
        tensors: All of them, by the names that the file has for them.
    """

    name: str
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> "Weights":
        """Read a file; errors as for `read_state`."""
        return cls(str(path), read_state(path))

    @property
    def trained(self) -> dict[str, Tensor]:
        """Those of a network that was trained here, by their names in it; none where they are another's."""
        net = {key.removeprefix("net."): tensor for key, tensor in self.tensors.items() if key.startswith("net.")}
        return net if any(key.startswith("backbone.") for key in net) else {}


def check_fit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], name: str) -> None:
    """Raise `InputError` unless both hold the same names with the same shapes; it lists what does not fit."""
    misfits = [f"missing: {key}" for key in expected if key not in given]
    misfits += [f"unexpected: {key}" for key in given if key not in expected]
    misfits += [
        f"shape: {key} is {tuple(given[key].shape)}, the network has {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if key in given and given[key].shape != tensor.shape
    ]
    if misfits:
        raise InputError(f"{name} does not fit this network:\n{listing(misfits)}")
