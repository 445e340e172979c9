"""The driver of type ``sep2`` for modular VOLTTRON."""
