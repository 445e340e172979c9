"""Devices of a home as models: pure functions of (state, what they are told, time). No I/O.

Each module states where its physics comes from. ``openesi.client.agent`` makes a real 2030.5 client of one.
"""
