"""The rules: what signing up, in and out means. No HTTP, no ASGI, no SQL."""
