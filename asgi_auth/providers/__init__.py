"""Services whose accounts people sign in with: declarations of a few lines each, no requests."""

from asgi_auth.providers.apple import Apple
from asgi_auth.providers.base import Profile, Provider
from asgi_auth.providers.discord import Discord
from asgi_auth.providers.facebook import Facebook
from asgi_auth.providers.generic import GenericOAuth
from asgi_auth.providers.github import GitHub
from asgi_auth.providers.gitlab import GitLab
from asgi_auth.providers.google import Google
from asgi_auth.providers.linkedin import LinkedIn
from asgi_auth.providers.microsoft import Microsoft
from asgi_auth.providers.slack import Slack
from asgi_auth.providers.spotify import Spotify
from asgi_auth.providers.twitch import Twitch
from asgi_auth.providers.x import X

__all__ = [
    "Apple",
    "Discord",
    "Facebook",
    "GenericOAuth",
    "GitHub",
    "GitLab",
    "Google",
    "LinkedIn",
    "Microsoft",
    "Profile",
    "Provider",
    "Slack",
    "Spotify",
    "Twitch",
    "X",
]
