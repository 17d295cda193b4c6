"""What asgi_auth costs, measured: ``python -m benchmarks.identify``, ``python -m benchmarks.hashing``."""
