"""Roots to install into; the empty environment that the small program runs in is made once."""
import venv

import pytest

from edgeos.service import program
from edgeos.service.layout import Layout
from tests.helpers import free_port
from tests.service.tools import REQUIREMENTS, Root


@pytest.fixture(scope='session')
def environments(tmp_path_factory):
    layout = Layout(tmp_path_factory.mktemp('environments'))
    requirements = layout.root / 'requirements.txt'
    requirements.write_text(REQUIREMENTS)
    folder = program.environment_folder(layout, requirements)
    venv.create(folder, symlinks=True)
    (folder / program.MARK).touch()
    return layout.environments


@pytest.fixture
def root(tmp_path, environments):
    made = Root(tmp_path, free_port(), environments)
    yield made
    made.end()


@pytest.fixture
def image(tmp_path, environments):
    return Root(tmp_path, free_port(), environments, is_running=False)
