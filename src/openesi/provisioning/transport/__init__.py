"""How letters of IEC 61968 travel between processes: SOAP or plain REST over HTTPS, or a message broker.

``gate``     who may call, and how a caller proves it
``http``     the listener: SOAP, REST, WSDL, schemas
``carrier``  the caller
``host``     roles in a process of their own, in real time
``stomp``    a broker instead (``pip install 'openesi[stomp]'``)
"""
