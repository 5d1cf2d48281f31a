import pytest
from small_study import small_study


@pytest.fixture
def study(tmp_path):
    return small_study(tmp_path)
