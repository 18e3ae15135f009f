import json

import pytest

from hpa_lit.errors import InputError
from hpa_lit.schedules import Stepped, learning_rate


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
