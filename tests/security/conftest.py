"""Surveillance of all logs."""

import logging

import pytest
import structlog

from tests.security.canaries import Listening, all_loggers


@pytest.fixture
def listening():
    """All loggers at DEBUG, and what they said."""
    handler = Listening()
    levels = {logger: logger.level for logger in all_loggers()}
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    with structlog.testing.capture_logs() as events:
        yield lambda: "\n".join([*handler.written, *map(repr, events)])
    logging.getLogger().removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)
