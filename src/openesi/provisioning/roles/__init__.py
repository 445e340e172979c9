"""The actors of the use case. Each takes letters, answers them, and has letters to send; none does I/O.

A shell (``world`` in one process, ``transport`` over HTTPS) carries the letters and calls ``tick`` when
time has passed. See ``base`` for what every role can do.
"""
