"""The driver of type ``ieee2030_5`` for modular VOLTTRON."""
