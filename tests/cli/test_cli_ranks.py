import pytest

from hpa_lit.cli import ranks
from hpa_lit.errors import InputError

TRAINER = {"accelerator": "cpu", "devices": "auto", "num_nodes": 1}


def test_all_devices_of_a_cpu_are_one():
    assert ranks.trainer_arguments(TRAINER)["devices"] == 1


def test_counts_come_from_the_launcher(monkeypatch):
    for name, value in {"LOCAL_RANK": "1", "RANK": "5", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}.items():
        monkeypatch.setenv(name, value)
    assert ranks.is_rank()
    assert not ranks.is_first()
    assert ranks.trainer_arguments(TRAINER) == TRAINER | {"devices": 4, "num_nodes": 2}


def test_several_machines_need_a_launcher():
    with pytest.raises(InputError, match="torchrun or srun"):
        ranks.trainer_arguments(TRAINER | {"num_nodes": 2})


def test_a_gpu_that_is_not_there_names_the_way_out(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(InputError, match="trainer=cpu trains on the CPU"):
        ranks.trainer_arguments(TRAINER | {"accelerator": "gpu"})


@pytest.mark.parametrize(("devices", "count"), [(3, 3), ([0, 2], 2)])
def test_devices_are_counted(devices, count):
    assert ranks.count({"devices": devices}) == count
