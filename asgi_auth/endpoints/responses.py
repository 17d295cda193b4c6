"""What endpoints answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.responses import Response

from asgi_auth.asgi.messages import error_headers
from asgi_auth.endpoints.body import JSON
from asgi_auth.endpoints.call import Call
from asgi_auth.errors import AuthError, RateLimited, Unavailable
from asgi_auth.models import to_json

_ASCII = "".join(map(chr, range(32, 127)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: a JSON body (None is ``null``), or ``html``, or ``raw`` bytes of another type, or ``is_empty``.

    Attributes:
        is_private: it holds a credential and must not be stored by caches.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    html: str | None = None
    raw: bytes | None = None
    is_empty: bool = False
    is_private: bool = False


def redirect(location: str, *, is_private: bool = False) -> Answer:
    """Send a browser somewhere else; the location has to be trusted.

    ``is_private`` is for one with a secret in it: no cache keeps it, and no Referer tells it to the next site.
    """
    headers = {"location": header_url(location), "content-type": JSON}  # empty as it is: so does Better Auth
    if is_private:
        headers["referrer-policy"] = "no-referrer"
    return Answer(status=302, headers=headers, is_empty=True, is_private=is_private)


def header_url(url: str) -> str:
    """A URL as a header can carry it: what is not ASCII is percent-encoded, as browsers do (WHATWG URL)."""
    return quote(url, safe=_ASCII)


def error_answer(error: AuthError) -> Answer:
    """The answer to a refusal: ``{"message", "code"}``, or no body where it is bare."""
    if error.is_bare:
        return Answer(status=error.status, is_empty=True)
    headers = {}
    if isinstance(error, Unavailable | RateLimited):
        headers = {name.decode(): value.decode() for name, value in error_headers(error, realm="")}
    return Answer(body=error.body, status=error.status, headers=headers)


def to_response(answer: Answer, call: Call | None = None) -> Response:
    """The answer as a Starlette response, with the cookies and headers that the call gathered."""
    response = _plain(answer)
    if call is None:
        return response
    for name, value in call.headers.items():
        response.headers[name] = value
    is_private = call.cookies or call.headers or answer.is_private
    if is_private and call.web.config.cookies.forbids_caching:
        response.headers["cache-control"] = "no-store"
    response.raw_headers.extend((b"set-cookie", cookie) for cookie in call.cookies)
    return response


def _plain(answer: Answer) -> Response:
    if answer.is_empty:
        return Response(status_code=answer.status, headers=answer.headers)
    if answer.raw is not None:
        return Response(answer.raw, answer.status, answer.headers)
    if answer.html is not None:
        # Without a charset parameter, as Better Auth answers; the page itself declares it.
        return Response(answer.html.encode(), answer.status, {**answer.headers, "content-type": "text/html"})
    return Response(to_json(answer.body), answer.status, answer.headers, JSON)
