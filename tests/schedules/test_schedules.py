import json

import pytest

from hpa_lit.schedules import learning_rate


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
