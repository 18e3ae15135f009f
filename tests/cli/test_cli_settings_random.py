"""Random words and values: what was written, or one sentence that names the key."""

import copy
from functools import cache

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from test_configs import composed

from hpa_lit.cli.steps import setting
from hpa_lit.cli.words import FOLDER, quoted, written_out
from hpa_lit.errors import InputError
from hpa_lit.train import TrainSettings

PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
PLAIN = PRINTED.filter(lambda text: not text or text[0] not in "[{'\"")
# Values of no use to most settings.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.integers(-1, 1), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def read(word):
    """The value that Hydra and OmegaConf make of a word."""
    value = OverridesParser.create().parse_override(word).value()
    return OmegaConf.create({"value": value}).value


@settings(max_examples=100, deadline=None)
@given(st.recursive(PRINTED | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_settings_of_steps_are_read_as_they_were(value):
    found = read(setting("key", value))
    assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_quoted_words_can_be_read(value):
    assert OverridesParser.create().parse_override(quoted(f"tag={value}")).key_or_group == "tag"


@settings(max_examples=100, deadline=None)
@given(PRINTED, PRINTED)
def test_short_keys_keep_their_values(images, labels):
    words = written_out([f"images={images}", f"labels={labels}", "seed=1"], FOLDER)
    assert words == ["data=folder", f"data.images={images}", f"data.labels={labels}", "seed=1"]


@cache
def whole():
    return composed("experiment=small", "data=folder", "data.images=i", "data.labels=l", "callbacks=early_stopping")


def leaves(node, place=()):
    for key, value in node.items():
        yield from leaves(value, (*place, key)) if isinstance(value, dict) and value else [(*place, key)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_odd_value_is_taken_as_it_is_or_refused_by_its_key(data):
    values = copy.deepcopy(whole())
    *sections, name = data.draw(st.sampled_from(sorted(leaves(values))))
    node = values
    for section in sections:
        node = node[section]
    node[name] = data.draw(ODD)
    try:
        plain = TrainSettings.of_plain(values).plain()
    except InputError as error:
        key = ".".join([*sections, name])
        lines = [line.strip() for line in str(error).splitlines()]
        assert any(line.startswith((key, ".".join(sections))) for line in lines), error  # noqa: PT017
    else:
        assert TrainSettings.of_plain(plain).plain() == plain


# What takes anything: arguments of timm's networks and of Lightning's loggers; and augment.transforms once more, where
# it is said.
FREE = (("arch", "options", "channels"), ("data", "augment"), ("logger", "csv", "flush_logs_every_n_steps"))
DECLARED = [place for place in sorted(leaves(whole())) if not any(place[: len(free)] == free for free in FREE)]


@pytest.mark.parametrize("place", DECLARED, ids=".".join)
def test_every_setting_of_train_refuses_what_is_of_another_type(place):
    values = copy.deepcopy(whole())
    *sections, name = place
    node = values
    for section in sections:
        node = node[section]
    node[name] = {"what": ["is", {"this": -1.5}]}
    with pytest.raises(InputError) as refused:
        TrainSettings.of_plain(values)
    assert str(refused.value).splitlines()[0].startswith(".".join(place))
    assert "\n" not in str(refused.value)
