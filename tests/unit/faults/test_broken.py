"""The catalogue of broken builds and its patches fit each other and the tree as it stands."""

from __future__ import annotations

import ast

import pytest

from deploy.local.places import PROJECT
from tests.faults.broken import catalogue, copies
from tests.faults.broken.catalogue import Build

BUILDS = catalogue.read()


@pytest.mark.parametrize("build", BUILDS)
def test_patch_still_applies(build: str) -> None:
    assert copies.applies(build), f"{build}: what it breaks has changed; make the patch anew"


def test_every_patch_is_in_the_catalogue() -> None:
    assert {file.stem for file in copies.PATCHES.glob("*.patch")} == BUILDS.keys()


@pytest.mark.parametrize("build", BUILDS.values(), ids=lambda build: build.id)
def test_named_check_exists(build: Build) -> None:
    file, _, name = build.check.partition("::")
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    assert name.partition("[")[0] in {
        n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.FunctionDef)
    }
