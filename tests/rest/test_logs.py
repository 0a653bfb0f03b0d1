import logging

import pytest

from service.rest import logs
from tests.rest.asking import lines


def test_lines_below_the_level_are_left_out(log):
    logger = logs.logger("warning", log)
    logger.info(logs.WORKER_STARTED, pid=1)
    logger.error(logs.WORKER_DIED, pid=2)
    (line,) = lines(log)
    assert (line["event"], line["level"], line["pid"]) == ("worker_died", "error", 2)


@pytest.fixture
def root():
    logger = logging.getLogger()
    handlers, level = logger.handlers, logger.level
    yield logger
    logger.handlers, logger.level = handlers, level


def test_what_libraries_log_keeps_its_place_and_loses_its_words(log, root):
    logs.take_over(logs.logger("info", log))
    library = logging.getLogger("uvicorn.error")
    library.info("Marigold came")
    library.warning("Marigold %s", "went")
    try:
        int("Marigold")
    except ValueError:
        library.exception("of Marigold")
    warned, failed = lines(log)
    assert (warned["event"], warned["source"], warned["level"]) == (
        "server_noted",
        "uvicorn.error",
        "warning",
    )
    assert warned["where"].startswith("test_logs:")
    assert failed["detail"][0] == "builtins.ValueError"
    assert b"Marigold" not in log.getvalue()
