"""Provisioning home devices: from the demand-response application through the meter to the device, and back.

``cim``         IEC 61968 messages
``se``          Zigbee Smart Energy joining
``usecase``     the 14 steps, as a table
``roles``       DR application, AMI head-end, AMI network, NIC, ESI, CIS, and a head-end for IEEE 2030.5
devices ``state``       what the roles remember, in SQLite
``world``       all roles in one process, with a clock that is an argument
``transport``   SOAP and REST over HTTPS, STOMP
"""
