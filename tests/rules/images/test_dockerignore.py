"""What .dockerignore keeps out: never more than BuildKit does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.images.rules import dockerignore


@pytest.mark.parametrize(
    ("text", "excluded", "seen"),
    [
        ("", [], ["a", ".git/config"]),
        ("a", ["a", "a/b", "a/b/c"], ["b/a", "ab"]),
        ("/a/", ["a", "a/b"], ["b/a"]),
        ("./a//b/../b", ["a/b", "a/b/c"], ["a", "a/c"]),
        (" a \r\n\tb\n", ["a", "b"], ["c"]),
        ("# a\n #b", ["#b"], ["a", "# a", "b"]),
        ("\ufeffa", ["a"], []),
        ("*", ["a", "a/b"], []),
        ("*.md", ["x.md", ".md"], ["a/x.md", "x.mdx"]),
        ("*/x", ["a/x", "b/x/c"], ["x", "a/b/x"]),
        ("?.py", ["a.py"], ["ab.py", "/.py"]),
        ("**/*.py[cod]", ["a.pyc", "a/b/c.pyo"], ["a.py", "a.pyx"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a$", ["a$"], ["a"]),
        ("**", ["a", "a/b"], []),
        ("**/node_modules", ["node_modules", "a/node_modules", "a/b/node_modules/c"], ["a", "node_modules2"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["b", "a/x"]),
        ("*\n!a", ["b", "b/a"], ["a", "a/b"]),
        ("*\n!a\na/x", ["b", "a/x", "a/x/y"], ["a", "a/b"]),
        ("*\n!a\n**/x", ["b", "a/x", "a/b/x/c"], ["a", "a/b"]),
        ("!a\n*", ["a", "b"], []),
        ("a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"]),
        ("a\n!a/b\na", ["a", "a/c"], ["a/b"]),  # the second `a` changes nothing at `a`, and so isn't known below
        ("**/*.md\n!README.md", ["a.md", "a/README.md"], ["README.md"]),
        ("*\n!**/*.py", ["a", "a/b"], ["x.py", "a/x.py"]),
        ("! a", [], ["a"]),
        ("ü*\n", ["ü", "üb"], ["u"]),
        ("a", ["a"], ["a\nb", "a\n"]),
        ("*", ["a"], ["a\nb"]),
    ],
)
def test_the_last_pattern_that_matches_wins(text: str, excluded: list[str], seen: list[str]) -> None:
    """A path, or a folder above it."""
    ignore = dockerignore.read(text)
    assert [path for path in excluded if not ignore.excluded(path)] == []
    assert [path for path in seen if ignore.excluded(path)] == []


@pytest.mark.parametrize(
    "doubtful",
    [
        "a\\b", "[!a]", "[^a]", "[", "[z-a]x", "a]", "**a", "a**", "***", "a+*", "(a)", "{a,b}", "a|b", "^a", "!", "! ",
        ".", "!.", "/", "\x0ba",
    ],
)  # fmt: skip
def test_with_a_doubtful_pattern_nothing_is_excluded(doubtful: str) -> None:
    """Versions of BuildKit differ, or refuse it; what it means for the lines around it is not certain either."""
    ignore = dockerignore.read(f"x\n{doubtful}\ny")
    assert not any(ignore.excluded(path) for path in ("x", "y", "a", "b", "ab", "a/b"))


PATTERNS = st.sampled_from(
    [
        "*",
        "**",
        "a",
        "a/b",
        "a/*",
        "**/b",
        "*/c",
        "a/**",
        "a/b/c",
        "b",
        "?",
        "!a",
        "!a/b",
        "!**/c",
        "!a/**",
        "!*",
        "!b/a",
    ]
)
NAMES = st.sampled_from("abc")


@settings(deadline=None)
@given(st.lists(PATTERNS), st.lists(NAMES, min_size=1), st.lists(NAMES, min_size=1))
def test_nothing_comes_back_below_a_closed_folder(lines: list[str], folder: list[str], below: list[str]) -> None:
    """ecs-cd does not have to read it."""
    ignore = dockerignore.read("\n".join(lines))
    top = "/".join(folder)
    if ignore.excluded(top) and ignore.closed(top):
        assert ignore.excluded("/".join((*folder, *below)))


@settings(deadline=None)
@given(st.lists(PATTERNS.filter(lambda line: not line.startswith("!"))), st.lists(NAMES, min_size=1))
def test_without_exceptions_all_below_an_excluded_folder_is_excluded(lines: list[str], path: list[str]) -> None:
    """And every such folder is closed."""
    ignore = dockerignore.read("\n".join(lines))
    results = [ignore.excluded("/".join(path[:depth])) for depth in range(1, len(path) + 1)]
    assert results == sorted(results)
    assert ignore.closed("/".join(path))


@pytest.mark.parametrize(
    ("text", "closed", "open_"),
    [
        ("*\n!src", ["node_modules", "src2"], ["src"]),
        ("*\n!src/**", ["node_modules"], ["src", "src/a"]),
        ("*\n!a/*/c", ["b", "a/b/d"], ["a", "a/b", "a/x"]),
        ("*\n!**/c", [], ["a", "a/b"]),
        ("*\n!**/*.py", [], ["a", "a/b"]),
    ],
)
def test_a_folder_is_closed_that_no_exception_reaches(text: str, closed: list[str], open_: list[str]) -> None:
    """So that `*` and a few exceptions keep us out of node_modules."""
    ignore = dockerignore.read(text)
    assert [path for path in closed if not ignore.closed(path)] == []
    assert [path for path in open_ if ignore.closed(path)] == []


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Nothing is raised."""
    dockerignore.read(text).excluded("a/b")


_PART = st.text("ab*?.", min_size=1, max_size=5).filter(lambda part: "**" not in part and part.strip("."))
_NAME = st.text("ab.", min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.just("**") | _PART, min_size=1, max_size=6), st.lists(_NAME, min_size=1, max_size=6))
def test_a_pattern_matches_as_its_wildcards_say(parts: list[str], names: list[str]) -> None:
    """As the plain translation does, which tries every text for every wildcard."""
    wildcards = {"*": "[^/]*", "?": "[^/]"}
    *folders, last = ["".join(wildcards.get(c, re.escape(c)) for c in part) if part != "**" else part for part in parts]
    plain = "".join("(?:.*/)?" if folder == "**" else f"{folder}/" for folder in folders) + (
        ".*" if last == "**" else last
    )
    (pattern,) = dockerignore.read("/".join(parts)).patterns
    path = "/".join(names)
    assert bool(pattern.regex.fullmatch(path)) == bool(re.fullmatch(plain, path, re.DOTALL))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 40 + "x", "a" * 255),
        ("*a" * 40 + "[bc]", "a" * 254 + "d"),
        ("**/a/" * 40 + "x", "/".join("a" * 2000)),
        ("**/*a*a*a/" * 20 + "*b*c", "/".join(["aaaa"] * 800 + ["b" * 200])),
        ("a*a*a*/" * 30 + "x", "/".join(["a" * 100] * 40)),
    ],
)
def test_a_pattern_of_many_wildcards_comes_to_an_end(pattern: str, path: str) -> None:
    """A commit can hold it, beside a file that nearly matches: it must not cost an hour."""
    (read,) = dockerignore.read(pattern).patterns
    assert not read.regex.fullmatch(path)
