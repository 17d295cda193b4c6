"""The client side of OAuth 2.0 and OpenID Connect: requests to providers, and what their answers prove."""
