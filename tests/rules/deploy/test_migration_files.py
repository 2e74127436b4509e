"""Which files of a pull request are new migrations."""

from __future__ import annotations

import pytest

from ecs_cd.deploy.rules import migration_files

# By framework, paths from its own guides.
MIGRATIONS = {
    "Rails": ("db/migrate/20260101000000_create_users.rb", "apps/api/db/animals_migrate/1_a.rb"),
    "Django": ("shop/migrations/0002_order_total.py", "migrations/0001_initial.py"),
    "Alembic, Flask-Migrate": ("alembic/versions/1975ea83b712_add.py", "migrations/versions/ae1027a6_add.py"),
    "Flyway": (
        "src/main/resources/db/migration/V2__add.sql",
        "src/main/java/db/migration/V3__Add.java",
        "sql/V1.1__fix.sql",
        "sql/R__view.sql",
    ),
    "Liquibase": ("src/main/resources/db/changelog/changes/002.yaml", "liquibase/changelog.xml"),
    "Prisma": ("packages/db/prisma/migrations/20260101_add/migration.sql",),
    "Drizzle": ("drizzle/0001_gray_hulk.sql", "drizzle/20260101_add/migration.sql"),
    "Knex, Sequelize, TypeORM, MikroORM": (
        "migrations/20260101-add.js",
        "src/migration/1700000-Add.ts",
        "db/migrations/1.cjs",
    ),
    "Laravel, Doctrine, Phinx": ("database/migrations/2026_01_01_create.php", "migrations/Version2026.php"),
    "Entity Framework Core": ("src/Shop/Migrations/20260101_Add.cs",),
    "Ecto": ("priv/repo/migrations/2026_add.exs",),
    "golang-migrate, goose, dbmate, Atlas, SQLx, Diesel, Supabase": (
        "migrations/000002_add.up.sql",
        "db/migrations/2_add.go",
        "migrations/2026-01-01-add/up.sql",
        "supabase/migrations/2026_add.sql",
    ),
}
NONE = (
    "app.py",
    "db/schema.rb",
    "db/seeds.rb",
    "shop/migrations/__init__.py",
    "shop/migrations/README.md",
    "migrations/000002_add.down.sql",
    "migrations/2026-01-01-add/down.sql",
    "src/Shop/Migrations/20260101_Add.Designer.cs",
    "src/Shop/Migrations/ShopContextModelSnapshot.cs",
    "drizzle/meta/0001_snapshot.json",
    "node_modules/a/migrations/1.js",
    "src/migrations/1.spec.ts",
    "tests/migrations/test_1.py",
    "docs/db/migrate.md",
    "dbXmigrate/1.rb",
    "prisma/schema.prisma",
)


@pytest.mark.parametrize("framework", migration_files.FRAMEWORKS)
def test_the_migrations_of_a_framework_are_known(framework: str) -> None:
    """By the patterns of that framework itself, not only by those of others."""
    paths = MIGRATIONS[framework]
    added = [("added", path) for path in paths]
    assert migration_files.new(added) == sorted(paths)
    assert migration_files.new(added, migration_files.FRAMEWORKS[framework]) == sorted(paths)


@pytest.mark.parametrize("path", NONE)
def test_other_files_are_none(path: str) -> None:
    """Also those beside migrations, which no deployment runs."""
    assert migration_files.new([("added", path)]) == []


@pytest.mark.parametrize(
    ("status", "new"),
    [
        ("added", True),
        ("copied", True),
        ("renamed", True),
        ("modified", False),
        ("changed", False),
        ("removed", False),
        ("unchanged", False),
        ("", False),
    ],
)
def test_only_what_is_at_a_new_path_is_new(status: str, new: bool) -> None:
    """A tool runs a renamed migration again; what GitHub calls otherwise was there before, or is gone."""
    assert bool(migration_files.new([(status, "db/migrate/1.rb")])) is new


@pytest.mark.parametrize(
    ("patterns", "path", "new"),
    [
        (("schema",), "schema/a/1.sql", True),
        (("./schema/",), "schema/1.sql", True),
        (("/schema/*.sql",), "schema/1.sql", True),
        (("schema/*.sql",), "schema/a/1.sql", False),
        (("schema/**/*.sql",), "schema/a/b/1.sql", True),
        (("schema",), "schemas/1.sql", False),
        (("schema", "!schema/old"), "schema/old/1.sql", False),
        (("schema",), "db/migrate/1.rb", False),
        (("!db/migrate/old",), "db/migrate/1.rb", True),
        (("!db/migrate/old",), "db/migrate/old/1.rb", False),
        (("[ab](", "+"), "a/1.sql", False),
    ],
)
def test_patterns_replace_those_of_the_frameworks(patterns: tuple[str, ...], path: str, new: bool) -> None:
    """A folder means what is below it; patterns that only exclude leave the others in place."""
    assert bool(migration_files.new([("added", path)], patterns)) is new


def test_of_many_the_first_are_shown() -> None:
    """And how many more there are; a path is one line, whatever is in it."""
    paths = [f"{number:02}" for number in range(22)]
    assert migration_files.lines(paths)[19:] == ["+ 19", "and 2 more"]
    assert migration_files.lines(["a\n```\nb\x1b"]) == [r"+ 'a\n```\nb\x1b'"]
