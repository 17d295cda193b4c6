"""EndpointHooks: what features do around every endpoint, whichever it is."""

from __future__ import annotations

from asgi_auth.endpoints.call import Call
from asgi_auth.services.session import LiveSession


class EndpointHooks:
    """Subclass it and override what the feature does. Calls raise an AuthError to refuse, and that is the answer."""

    async def before(self, call: Call) -> None:
        """Look at a request before its content is validated and its handler runs."""

    async def on_session(self, call: Call, live: LiveSession) -> None:
        """Add to the answer that tells somebody of their own session."""
