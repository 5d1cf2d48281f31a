import pytest
from hand_made_scores import whole_study
from small_study import small_study


@pytest.fixture
def study(tmp_path):
    return small_study(tmp_path)


@pytest.fixture
def whole():
    return whole_study()
