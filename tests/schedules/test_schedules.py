import json
import math

import pytest
import torch

from hpa_lit.errors import InputError
from hpa_lit.schedules import Stepped, WarmupCosine, learning_rate


@pytest.mark.parametrize(("name", "reference"), [("adam45", "Adam45"), ("adam55", "Adam55"), ("face_adam", "FaceAdam")])
def test_equals_the_reference(golden, name, reference):
    rates = json.loads((golden / "schedules.json").read_text())[reference]["lr_by_epoch_from_1"]
    assert [learning_rate(name, epoch) for epoch in range(1, len(rates) + 1)] == pytest.approx(rates, rel=1e-12)


def test_the_last_rate_persists():
    assert learning_rate("adam45", 1000) == pytest.approx(1e-5)


def test_wrong_names_and_epochs_are_refused():
    with pytest.raises(ValueError, match="adam45, adam55, face_adam"):
        learning_rate("Adam45", 1)
    with pytest.raises(ValueError, match="epochs count from 1"):
        learning_rate("adam45", 0)


def test_from_random_weights_the_rate_warms_up_and_falls():
    rates = [learning_rate("scratch30", epoch) for epoch in range(1, 31)]
    assert rates[:2] == [1e-3, 1e-3]
    assert rates[2:15] == [3e-3] * 13
    assert rates[15:] == sorted(rates[15:], reverse=True)
    assert rates[-1] == 1.5e-4


def test_a_rate_stays_until_the_next():
    rate = Stepped([[1, 0.5], [3, 0.25]])
    assert [rate(epoch) for epoch in range(1, 6)] == [0.5, 0.5, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([], "rates is empty"),
        ([[2, 0.1]], "epoch 2: the first epoch is 1"),
        ([[1, 0.1], [5, 0.2], [5, 0.3]], "epoch 5: .* the others ascend"),
        ([[1, 0.1], [5, 0]], r"\[5, 0\] is no pair"),
        ([[1, float("nan")]], r"\[1, nan\] is no pair"),
        ([[1, 0.1, 0.2]], "is no pair"),
        ([[1.5, 0.1]], "is no pair"),
    ],
)
def test_pairs_that_are_none_are_named(rates, message):
    with pytest.raises(InputError, match=message):
        Stepped(rates)


def test_a_line_up_and_half_a_cosine_down_by_hand():
    rates = [WarmupCosine(1.0, 7, warmup=2, final=0.1)(epoch) for epoch in range(1, 9)]
    falling = [0.1 + 0.9 * share for share in (1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0)]
    assert rates == pytest.approx([1 / 3, 2 / 3, *falling, 0.1])


def test_without_a_warm_up_it_is_the_cosine_of_torch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=9, eta_min=0.003)
    ours = WarmupCosine(0.3, 10, warmup=0, final=0.01)
    for epoch in range(1, 11):
        assert ours(epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


def test_of_one_epoch_at_the_full_rate():
    assert WarmupCosine(1.0, 1, warmup=0)(1) == WarmupCosine(1.0, 3, warmup=2)(3) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 10), r"scheduler\.rate=0: give a number above 0"),
        ((math.inf, 10), r"scheduler\.rate=inf"),
        ((1, 0), r"scheduler\.epochs=0: give a whole number from 1 on"),
        ((1, 10, -1), r"scheduler\.warmup=-1: give a whole number from 0 on"),
        ((1, 10, 10), r"scheduler\.warmup=10 leaves none of 10 epochs"),
        ((1, 10, 3, 1.5), r"scheduler\.final=1\.5: give a number from 0 to 1"),
    ],
)
def test_what_makes_no_line_and_cosine_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        WarmupCosine(*arguments)
