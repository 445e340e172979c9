"""Where modular VOLTTRON looks for the driver of type ``ieee2030_5``."""

from openesi.sunspec.volttron.modular import IEEE2030_5

__all__ = ["IEEE2030_5"]
