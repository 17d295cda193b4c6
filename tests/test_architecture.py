"""The laws of the house, read from the source itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import asgi_auth

PACKAGE = Path(asgi_auth.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
LONGEST = 300

MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict", "TTLCache"}
READ_ONLY = re.compile(r"(?:Final\[)?(?:Mapping|Sequence|tuple|frozenset)\b")

SECRETS = re.compile(r"token|signature|signed|digest|mac|secret|password|hash", re.IGNORECASE)


def parsed(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def functions(name):
    return [node for node in ast.walk(parsed(name)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.fixture(params=MODULES)
def module(request):
    return request.param


def test_there_is_something_to_check():
    assert {"auth.py", "services/session.py", "engine/store.py"} <= set(MODULES)


def test_a_file_can_be_read_at_one_sitting(module):
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST


def test_a_module_opens_with_a_sentence(module):
    docstring = ast.get_docstring(parsed(module)) or ""
    assert re.match(r"[A-Za-z/].+[.?]$", docstring.partition("\n\n")[0], re.DOTALL), docstring


def test_no_circle_of_imports_is_hidden(module):
    assert "TYPE_CHECKING" not in MODULES[module].read_text(encoding="utf-8")
    hidden = [
        ast.unparse(node)
        for function in functions(module)
        for node in ast.walk(function)
        if (isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("asgi_auth")))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("asgi_auth") for alias in node.names))
    ]
    assert hidden == []


def test_nothing_in_a_module_can_be_changed_by_its_functions(module):
    tree = parsed(module)
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))
    assert [ast.unparse(node) for node in tree.body if is_mutable_state(node)] == []


def is_mutable_state(node):
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and is_mutable(node.value) and not READ_ONLY.match(ast.unparse(node.annotation))
    if isinstance(node, ast.Assign):
        return is_mutable(node.value) and [ast.unparse(target) for target in node.targets] != ["__all__"]
    return isinstance(node, ast.AugAssign)


def is_mutable(value):
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).rpartition(".")[2] in MUTABLE_CALLS
    return isinstance(value, MUTABLE)


@pytest.mark.parametrize("source", ["x = []", "x: dict[str, int] = {}", "x = defaultdict(list)", "__all__ += ['x']"])
def test_mutable_state_would_be_found(source):
    assert is_mutable_state(ast.parse(source).body[0])


@pytest.mark.parametrize("source", ["x: Mapping[str, int] = {}", "x = ()", "x = frozenset({1})", "__all__ = ['x']"])
def test_what_cannot_be_changed_is_none(source):
    assert not is_mutable_state(ast.parse(source).body[0])


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("engine/")], indirect=True)
def test_secrets_are_not_compared_in_a_time_that_tells(module):
    assert list(secret_comparisons(parsed(module))) == []


@pytest.mark.parametrize("source", ["given == self.token", "a.signature != b", "f(mac == 1 + x)", "session_token == x"])
def test_a_comparison_of_secrets_would_be_found(source):
    assert secret_comparisons(ast.parse(source))


@pytest.mark.parametrize("source", ["equal(token, x)", "token is None", "len(token) == 3", "token == ''", "name == x"])
def test_other_comparisons_are_none(source):
    assert not secret_comparisons(ast.parse(source))


def secret_comparisons(tree):
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(holds_secret(side) for side in (node.left, *node.comparators))
        and not any(is_plain(side) for side in (node.left, *node.comparators))
    ]


def holds_secret(side):
    """Whether the value compared is named as a secret: the last name of ``a.b.token``."""
    name = side.attr if isinstance(side, ast.Attribute) else side.id if isinstance(side, ast.Name) else ""
    return bool(SECRETS.search(name))


def is_plain(side):
    """Whether it is written in the source, and so no secret."""
    return isinstance(side, ast.Constant) or (isinstance(side, ast.Name) and side.id.isupper())
