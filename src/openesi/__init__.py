"""OpenESI: the open Energy Services Interface."""

__version__ = "0.1.0"
