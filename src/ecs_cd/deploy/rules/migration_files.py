"""Which of a pull request's files are new migrations. docs/guides/plan.md lists the patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ecs_cd.model.globs import glob

# By framework; the newest layout of each, and those that its guides show.
FRAMEWORKS = {
    "Rails": ("**/db/migrate/**/*.rb", "**/db/*_migrate/**/*.rb"),
    "Django": ("**/migrations/*.py",),
    "Alembic, Flask-Migrate": ("**/alembic/versions/**/*.py", "**/migrations/versions/**/*.py"),
    "Flyway": ("**/db/migration/**/*.sql", "**/db/migration/**/*.java", "**/V*__*.sql", "**/R__*.sql"),
    "Liquibase": (
        *(f"**/db/changelog/**/*.{end}" for end in ("sql", "xml", "yaml", "yml", "json")),
        *(f"**/liquibase/**/*.{end}" for end in ("sql", "xml", "yaml", "yml", "json")),
    ),
    "Prisma": ("**/prisma/migrations/**/*.sql",),
    "Drizzle": ("**/drizzle/**/*.sql",),
    "Knex, Sequelize, TypeORM, MikroORM": tuple(
        f"**/{folder}/*.{end}" for folder in ("migrations", "migration") for end in ("js", "cjs", "mjs", "ts")
    ),
    "Laravel, Doctrine, Phinx": ("**/migrations/**/*.php",),
    "Entity Framework Core": ("**/Migrations/**/*.cs", "**/migrations/**/*.cs"),
    "Ecto": ("**/migrations/**/*.exs",),
    "golang-migrate, goose, dbmate, Atlas, SQLx, Diesel, Supabase": ("**/migrations/**/*.sql", "**/migrations/*.go"),
}
# Files beside migrations, which no deployment runs.
EXCLUDED = (
    "**/__init__.py",
    "**/*.down.sql",
    "**/down.sql",
    "**/*.Designer.cs",
    "**/*ModelSnapshot.cs",
    "**/*.d.ts",
    "**/node_modules/**",
    *(f"**/*{word}.{end}" for word in (".test", ".spec") for end in ("js", "cjs", "mjs", "ts")),
    "**/*_test.go",
    "**/test_*.py",
)
_SHOWN = 20
# What GitHub calls a file that is at a path where there was none; a tool takes a renamed migration for a new one.
_NEW = ("added", "copied", "renamed")


def new(files: Iterable[tuple[str, str]], patterns: Sequence[str] = ()) -> list[str]:
    """The paths of new migrations among the files, which are pairs of a status of GitHub and a path.

    Without ``patterns``, those of the known frameworks. A pattern after `!` excludes paths.
    """
    wanted = [each for each in patterns if not each.startswith("!")]
    excluded = [each[1:] for each in patterns if each.startswith("!")]
    if not wanted:
        wanted = [pattern for framework in FRAMEWORKS.values() for pattern in framework]
        excluded += EXCLUDED
    into, out = _compiled(wanted), _compiled(excluded)
    found = (path for status, path in files if status in _NEW)
    return sorted(path for path in found if _any(into, path) and not _any(out, path))


def _compiled(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """A pattern may also name a folder: what is below it."""
    plain = [each.removeprefix("./").strip("/") for each in patterns]
    return [glob(text) for each in plain for text in (each, f"{each}/**")]


def _any(patterns: Iterable[re.Pattern[str]], path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern in patterns)


def lines(paths: Sequence[str]) -> list[str]:
    """A line per path; of many, the first ones and how many more there are."""
    more = [f"and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
    return [*(f"+ {path if path.isprintable() else ascii(path)}" for path in paths[:_SHOWN]), *more]
