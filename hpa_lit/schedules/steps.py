"""Step schedules: a rate from each of some epochs on."""

from hpa_lit.errors import InputError

# (first epoch, rate); epochs count from 1 and the last rate persists.
SCHEDULES: dict[str, tuple[tuple[int, float], ...]] = {
    "adam45": ((1, 30e-5), (26, 15e-5), (31, 7.5e-5), (36, 3e-5), (41, 1e-5)),
    "adam55": ((1, 30e-5), (26, 15e-5), (36, 7.5e-5), (46, 3e-5), (51, 1e-5)),
    "face_adam": ((1, 10e-5),),
    # Not of the reference: for small networks from random weights.
    "scratch30": ((1, 1e-3), (3, 3e-3), (16, 1.5e-3), (22, 6e-4), (27, 1.5e-4)),
}


def learning_rate(name: str, epoch: int) -> float:
    """The learning rate of an epoch.

    Args:
        name: A key of `SCHEDULES`.
        epoch: Counted from 1.

    Returns:
        The absolute rate, such as 3e-4.

    Raises:
        InputError: There is no such schedule or epoch.
    """
    if name not in SCHEDULES:
        raise InputError(f"there is no schedule {name!r}; the schedules are {', '.join(SCHEDULES)}")
    if epoch < 1:
        raise InputError(f"epoch {epoch}: epochs count from 1")
    return max((first, rate) for first, rate in SCHEDULES[name] if first <= epoch)[1]
