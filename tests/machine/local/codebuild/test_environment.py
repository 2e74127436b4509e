"""The variables of a build, as a real shell reads them."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.local.codebuild.rules import environment


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_a_shell_reads_each_value_as_it_is(value: str) -> None:
    """Nothing in a value is run or expanded."""
    script = environment.script({"VALUE": value}) + 'printf %s "$VALUE"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == value
