"""mx.log: loggers whose lines begin with level, time and place."""

import logging

CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET = logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, logging.NOTSET
_LINE = "%(levelname).1s%(asctime)s %(process)d %(filename)s:%(lineno)d] %(message)s"


def get_logger(name=None, filename=None, filemode=None, level=WARNING):
    """A logger that writes to `filename` (opened with `filemode`, "a" unless given), or to standard error. A second call for a name changes its level."""
    logger = logging.getLogger(name)
    if name is not None and not getattr(logger, "_mixnet_handler", False):
        logger._mixnet_handler = True
        handler = logging.FileHandler(filename, filemode or "a") if filename else logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_LINE, "%m%d %H:%M:%S"))
        logger.addHandler(handler)
    logger.setLevel(level)
    return logger


getLogger = get_logger  # noqa: N816 - MXNet's name
