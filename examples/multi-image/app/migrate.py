"""Bring the database up to date: apply the SQL files in migrations/ that it has not seen, in order.

All of them in one transaction: a failing one leaves the database as it was.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psycopg2

MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> int:
    """Apply what is missing; the exit code tells the pipeline whether to deploy."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=10)
    with connection, connection.cursor() as cursor:
        # Two deployments at once: the second waits here, and then finds nothing to do.
        cursor.execute("SELECT pg_advisory_xact_lock(20240101)")
        cursor.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY)")
        cursor.execute("SELECT name FROM schema_migrations")
        seen = {name for (name,) in cursor.fetchall()}
        missing = [path for path in sorted(MIGRATIONS.glob("*.sql")) if path.name not in seen]
        for path in missing:
            print(f"applying {path.name}", flush=True)
            cursor.execute(path.read_text())
            cursor.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (path.name,))
    connection.close()
    print(f"{len(missing)} applied, {len(seen)} were there", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
