"""What the documents name is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "API.md", "CHANGELOG.md", "SECURITY.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name):
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{name} links to {target}"


def test_the_map_names_every_room_and_none_that_is_not_there():
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = [room for layer in contracts[0]["layers"] for room in re.findall(r"\w+", layer)]
    assert [room for room in rooms if f"`{room}" not in architecture] == []
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_.]*)+|[a-z_]+\.(?:py|json))`", architecture))
    package = ROOT / "asgi_auth"
    folders = (package, ROOT)
    slices = {"tables.py", "service.py", "endpoints.py", "errors.py", "__init__.py"}  # of a feature to come
    places = {name: [folder / (name + end) for folder in folders for end in ("", ".py")] for name in named - slices}
    assert [name for name, paths in places.items() if not any(path.exists() for path in paths)] == []
