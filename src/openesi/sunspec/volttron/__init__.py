"""What runs inside VOLTTRON: drivers for both generations of it, and the agent with the calls of the old one.

They ask an OpenESI server for points over its operator's API; nothing of 2030.5 runs in VOLTTRON. Nothing
else in OpenESI imports VOLTTRON, and of what is here ``api`` and ``device`` do not either.
"""
