"""Where modular VOLTTRON looks for the driver of type ``sep2``, as it was called first."""

from openesi.sunspec.volttron.modular import IEEE2030_5

__all__ = ["IEEE2030_5"]
