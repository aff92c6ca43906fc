"""Programs that do not outlive their test."""
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.window.support import Program, need_window


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program with `--native` and more arguments in the test's folder."""
    need_window()
    started: list[Program] = []

    def start_program(*arguments: str, native: bool = True, **more: object) -> Program:
        started.append(Program(tmp_path, *(['--native'] if native else []), *arguments, **more))
        return started[-1]

    yield start_program
    for program in started:
        program.kill()
