"""Edge: the WSDiscovery package's search, in its own environment, on the loopback interface alone.

Prints one JSON line: how many addresses were found, the seconds and the CPU it took.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import ipaddress
import json
import socket
import sys
import time
from typing import Any


def main() -> None:
    seconds = float(sys.argv[1])
    threaded: Any = importlib.import_module("wsdiscovery.threaded")
    discovery: Any = importlib.import_module("wsdiscovery.discovery")
    loopback = [ipaddress.ip_address("127.0.0.1")]
    threaded._getNetworkAddrs = lambda version: loopback if version in (None, socket.AF_INET) else []
    search = discovery.ThreadedWSDiscovery()
    search.start()
    spent, began = time.process_time(), time.monotonic()
    services = search.searchServices(timeout=seconds)
    found = {
        "found": len({address for service in services for address in service.getXAddrs()}),
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - spent,
        "version": importlib.metadata.version("WSDiscovery"),
    }
    search.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
