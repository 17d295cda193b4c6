"""The raw ASGI protocol: headers, cookies, paths, origins, addresses; nothing here knows of auth."""
