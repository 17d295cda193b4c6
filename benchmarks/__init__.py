"""What asgi_auth costs and how soon it tells the truth, measured: ``python -m benchmarks.identify``, and so on."""
