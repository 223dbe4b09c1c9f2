"""Configurations: what is bundled is whole, what is misspelt is refused."""

import tomllib

import pytest

from tests.watermark.training.conftest import CONFIGS
from watermark.training import config as configuration


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_bundled_configuration_survives_the_round_trip(path):
    config = configuration.load(path)
    assert configuration.from_dict(configuration.to_dict(config)) == config
    assert config.phase_at(0) == (0, 0)
    assert config.phase_at(config.steps - 1) == (len(config.phases) - 1, config.phases[-1].steps - 1)


def _body():
    return tomllib.loads((CONFIGS / "narrow-cpu.toml").read_text())


def test_unknown_and_missing_names_are_named():
    body = _body()
    body["phases"][0]["stepz"] = 3
    with pytest.raises(ValueError, match="stepz"):
        configuration.from_dict(body)
    body = _body()
    del body["seed"]
    with pytest.raises(ValueError, match="missing seed"):
        configuration.from_dict(body)


def test_strides_must_make_frames_of_20_ms():
    body = _body()
    body["detector"]["ratios"] = [2, 4, 5, 4]
    with pytest.raises(ValueError, match="160"):
        configuration.from_dict(body)


def test_there_is_no_step_after_the_last():
    config = configuration.from_dict(_body())
    with pytest.raises(ValueError, match="no such step"):
        config.phase_at(config.steps)


def test_what_is_taught_has_to_be_trained_afterwards():
    body = _body()
    body["phases"].append({**body["phases"][-1], "name": "late", "loudness": "taught"})
    with pytest.raises(ValueError, match="phase late"):
        configuration.from_dict(body)
