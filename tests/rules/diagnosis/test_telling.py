"""The telling line of a log."""

from __future__ import annotations

import pytest

from ecs_cd.diagnosis.telling import LONGEST, error_line, telling

# A log, as awslogs delivers it, and the line that the annotation quotes.
LOGS: list[tuple[str, str, str]] = [
    ('Python', 'Traceback (most recent call last):\n  File "/app/main.py", line 7, in <module>\n    os.environ[\'DATABASE_URL\']\nKeyError: \'DATABASE_URL\'', "KeyError: 'DATABASE_URL'"),
    ('psycopg2', 'Traceback (most recent call last):\n  File "x"\n    y\npsycopg2.errors.UndefinedTable: relation "users" does not exist\nLINE 1: SELECT * FROM users\n                      ^\n', 'psycopg2.errors.UndefinedTable: relation "users" does not exist'),
    ('SQLAlchemy, Alembic', '  File "x"\n    y\nsqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) relation "users" does not exist\nLINE 1: ALTER TABLE users\n                    ^\n\n[SQL: ALTER TABLE users ADD x]\n(Background on this error at: https://sqlalche.me/e/20/f405)', 'sqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) relation "users" does not exist'),
    ('Django', 'django.db.utils.ProgrammingError: relation "a" does not exist\nLINE 1: x\n   ^', 'django.db.utils.ProgrammingError: relation "a" does not exist'),
    ('gunicorn', '[2024-01-01 00:00:00 +0000] [7] [ERROR] Exception in worker process\nTraceback (most recent call last):\n  File "x"\nModuleNotFoundError: No module named \'foo\'\n[2024-01-01 00:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)\n[2024-01-01 00:00:00 +0000] [1] [ERROR] Worker (pid:7) exited with code 3\n[2024-01-01 00:00:00 +0000] [1] [ERROR] Shutting down: Master\n[2024-01-01 00:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot.', "ModuleNotFoundError: No module named 'foo'"),
    ('uvicorn', 'ERROR:    Traceback (most recent call last):\n  File "x"\n    y\nKeyError: \'X\'\n\nERROR:    Application startup failed. Exiting.', "KeyError: 'X'"),
    ('Ruby', '/app/config.rb:3:in \'Hash#fetch\': key not found: "DATABASE_URL" (KeyError)\n\tfrom /app/config.rb:3:in \'<main>\'', '/app/config.rb:3:in \'Hash#fetch\': key not found: "DATABASE_URL" (KeyError)'),
    ('Ruby 3.3', "/app/x.rb:1:in `foo': undefined method `bar' for nil:NilClass (NoMethodError)\n\tfrom /app/x.rb:9:in `<main>'", "/app/x.rb:1:in `foo': undefined method `bar' for nil:NilClass (NoMethodError)"),
    ('Rails', 'rails aborted!\nStandardError: An error has occurred, this and all later migrations canceled:\n\nPG::UndefinedTable: ERROR:  relation "users" does not exist\n/app/vendor/x.rb:10:in `exec\'\n\nCaused by:\nActiveRecord::StatementInvalid: PG::UndefinedTable: ERROR:  relation "users" does not exist\n/app/db/migrate/2.rb:4:in `change\'\nTasks: TOP => db:migrate\n(See full trace by running task with --trace)', 'ActiveRecord::StatementInvalid: PG::UndefinedTable: ERROR:  relation "users" does not exist'),
    ('Node.js, a module', "node:internal/modules/cjs/loader:1080\n  throw err;\n  ^\n\nError: Cannot find module 'express'\nRequire stack:\n- /app/server.js\n    at Module._resolveFilename (node:internal:1)\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/app/server.js' ]\n}\n\nNode.js v20.1.0", "Error: Cannot find module 'express'"),
    ('Node.js', "/app/server.js:3\n  throw new Error('x')\n  ^\n\nTypeError: Cannot read properties of undefined (reading 'x')\n    at Object.<anonymous> (/app/server.js:3:9)\n\nNode.js v20", "TypeError: Cannot read properties of undefined (reading 'x')"),
    ('Node.js, an AggregateError', "AggregateError [ECONNREFUSED]: \n    at internalConnectMultiple (node:net:1)\n  code: 'ECONNREFUSED',\n  [errors]: [\n    Error: connect ECONNREFUSED ::1:5432\n        at x\n    Error: connect ECONNREFUSED 127.0.0.1:5432\n        at x {\n      errno: -111,\n      code: 'ECONNREFUSED',\n    }\n  ]\n}", 'Error: connect ECONNREFUSED 127.0.0.1:5432'),
    ('npm', '> app@1 start\n> node x\n\nnpm ERR! Missing script: "start"\nnpm ERR! \nnpm ERR! To see a list of scripts, run:\nnpm ERR!   npm run\nnpm ERR! A complete log of this run can be found in: /root/.npm/_logs/x', 'npm ERR! Missing script: "start"'),
    ('npm around Node.js', 'Error: boom\n    at x (y)\nnpm error Lifecycle script `migrate` failed with error:\nnpm error code 1\nnpm error path /app\nnpm error workspace app@1\nnpm error location /app\nnpm error command failed\nnpm error command sh -c node x', 'Error: boom'),
    ('Java', 'Exception in thread "main" java.lang.RuntimeException: x\n\tat a.b(C.java:1)\nCaused by: java.net.ConnectException: Connection refused\n\tat a.b(C.java:1)\n\t... 5 more', 'java.net.ConnectException: Connection refused'),
    ('Spring Boot', "***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nWeb server failed to start. Port 8080 was already in use.\n\nAction:\n\nIdentify and stop the process that's listening on port 8080 or configure this application to listen on another port.", 'Web server failed to start. Port 8080 was already in use.'),
    ('Go', 'panic: runtime error: index out of range [1] with length 0\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\nexit status 2', 'panic: runtime error: index out of range [1] with length 0'),
    ('Go, log.Fatal', '2024/01/01 12:00:00 listening\n2024/01/01 12:00:00 dial tcp: lookup db: no such host', 'dial tcp: lookup db: no such host'),
    ('Rust', "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds: the len is 0\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace", "thread 'main' panicked at src/main.rs:2:5: index out of bounds: the len is 0"),
    ('Rust 1.72', "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: NotPresent', src/main.rs:4:5\nnote: run with x", "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: NotPresent', src/main.rs:4:5"),
    ('PHP', 'PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/x.php:3\nStack trace:\n#0 /app/x.php(3): PDO->__construct()\n#1 {main}\n  thrown in /app/x.php on line 3', 'PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/x.php:3'),
    ('Laravel', "\n   Illuminate\\Database\\QueryException \n\n  SQLSTATE[42S02]: Base table or view not found: 1146 Table 'x' doesn't exist (SQL: x)\n\n  at vendor/laravel/framework/src/x.php:829\n    825 x\n  1   [internal]:0", "SQLSTATE[42S02]: Base table or view not found: 1146 Table 'x' doesn't exist (SQL: x)"),
    ('.NET', "Unhandled exception. System.InvalidOperationException: boom\n ---> System.IO.FileNotFoundException: Could not find file '/x'\n   at A.B()\n   --- End of inner exception stack trace ---\n   at Program.Main()", "System.IO.FileNotFoundException: Could not find file '/x'"),
    ('sh', '/bin/sh: 1: foo: not found', '/bin/sh: 1: foo: not found'),
    ('bash', 'bash: line 1: foo: command not found', 'bash: line 1: foo: command not found'),
    ('env', "env: 'node': No such file or directory", "env: 'node': No such file or directory"),
    ('psql', 'psql:/m/1.sql:3: ERROR:  relation "x" does not exist\nLINE 1: ALTER\n   ^', 'psql:/m/1.sql:3: ERROR:  relation "x" does not exist'),
    ('psql, a connection', 'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "app"', 'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "app"'),
    ('mysql', "ERROR 1146 (42S02) at line 1: Table 'x.y' doesn't exist", "ERROR 1146 (42S02) at line 1: Table 'x.y' doesn't exist"),
    ('Prisma', 'Error: P3018\n\nA migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more\n\nMigration name: 2020\n\nDatabase error code: 42P01\n\nDatabase error:\nERROR: relation "users" does not exist\n\nDbError { severity: "ERROR", parsed_severity: Some(Error), code: x }\n\n   0: sql_schema_connector\n', 'ERROR: relation "users" does not exist'),
    ('Prisma, a connection', "Error: P1001: Can't reach database server at `db:5432`\n\nPlease make sure your database server is running at `db:5432`.", "Error: P1001: Can't reach database server at `db:5432`"),
    ('Flyway', 'ERROR: Migration of schema "public" to version "2 - x" failed! Changes successfully rolled back.\nMigration V2__x.sql failed\n-----\nSQL State  : 42P01\nError Code : 0\nMessage    : ERROR: relation "x" does not exist\n  Position: 13\nLocation   : db/V2 (/x)\nLine       : 1\nStatement  : ALTER TABLE x', 'ERROR: relation "x" does not exist'),
    ('Elixir', '** (Postgrex.Error) ERROR 42P01 (undefined_table) relation "x" does not exist\n    (ecto_sql 3.10) lib/x.ex:1: Ecto.x', '** (Postgrex.Error) ERROR 42P01 (undefined_table) relation "x" does not exist'),
    ('JSON', '{"level":"info","msg":"starting"}\n{"level":"error","msg":"cannot start","err":"dial tcp 10.0.0.1:5432: connection refused"}', 'ERROR cannot start: dial tcp 10.0.0.1:5432: connection refused'),
    ('credentials', 'sqlalchemy.exc.OperationalError: could not connect to postgres://app:hunter2@db:5432/app password=abc', 'sqlalchemy.exc.OperationalError: could not connect to postgres://app:***@db:5432/app password=***'),
    ('nginx', '2024/01/01 00:00:00 [emerg] 1#1: host not found in upstream "api" in /etc/nginx/nginx.conf:3', '[emerg] 1#1: host not found in upstream "api" in /etc/nginx/nginx.conf:3'),
    ('Node.js, memory', '\n<--- Last few GCs --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb9c310 node::Abort() [node]', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'),
    ('java', 'Error: Unable to access jarfile app.jar', 'Error: Unable to access jarfile app.jar'),
    ('another CPU', 'exec /app: exec format error', 'exec /app: exec format error'),
    ('an entrypoint', '/docker-entrypoint.sh: line 3: exec: gunicorn: not found', '/docker-entrypoint.sh: line 3: exec: gunicorn: not found'),
    ('Yarn', 'error Command "start" not found.\ninfo Visit x', 'error Command "start" not found.'),
    ('Alembic', "FAILED: Can't locate revision identified by 'abc'", "FAILED: Can't locate revision identified by 'abc'"),
    ('goose', '2024/01/01 00:00:00 goose run: ERROR 2_x.sql: failed to run SQL migration: failed to execute SQL query: ERROR: relation "x" does not exist (SQLSTATE 42P01)', 'goose run: ERROR 2_x.sql: failed to run SQL migration: failed to execute SQL query: ERROR: relation "x" does not exist (SQLSTATE 42P01)'),
    ('argparse', 'usage: app [-h]\napp: error: unrecognized arguments: --prod', 'app: error: unrecognized arguments: --prod'),
    ('no error', 'migrating\nbye', 'bye'),
    ('TypeORM', 'Error during migration run:\nQueryFailedError: relation "x" already exists\n    at PostgresQueryRunner.query (/app)\n  query: \'CREATE\',\n  driverError: error: relation "x" already exists\n      at Parser {\n    length: 98,\n    severity: \'ERROR\',\n    code: \'42P07\',\n  }', 'QueryFailedError: relation "x" already exists'),
    ('Liquibase', 'Unexpected error running Liquibase: Migration failed for changeset x::1::a:\n     Reason: liquibase.exception.DatabaseException: ERROR: relation "x" does not exist [Failed SQL: (0) ALTER]', 'Reason: liquibase.exception.DatabaseException: ERROR: relation "x" does not exist [Failed SQL: (0) ALTER]'),
    ('Logback', '12:00:01.123 [main] ERROR c.e.App - Could not connect', '12:00:01.123 [main] ERROR c.e.App - Could not connect'),
    ('a sentence', 'DATABASE_URL must be set\n', 'DATABASE_URL must be set'),
    ("Rust's main", 'Error: Os { code: 2, kind: NotFound, message: "No such file or directory" }', 'Error: Os { code: 2, kind: NotFound, message: "No such file or directory" }'),
    ('Deno', 'error: Uncaught (in promise) TypeError: fetch failed\n    at file:///app/main.ts:1:1', 'error: Uncaught (in promise) TypeError: fetch failed'),
]  # fmt: skip


@pytest.mark.parametrize(("log", "expected"), [row[1:] for row in LOGS], ids=[row[0] for row in LOGS])
def test_a_log_has_one_telling_line(log: str, expected: str) -> None:
    """The exception instead of its frames, its wrapper, and what tools add after it."""
    assert telling(log.split("\n")) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ""),
        (["task 7c1e: Essential container in task exited"], ""),
        (["starting", "FATAL: no pg_hba.conf entry", "at db.py:3", ""], "FATAL: no pg_hba.conf entry"),
        (["ERROR: first", "ERROR: second"], "ERROR: second"),
        (["  | psycopg.errors.UndefinedTable: gone", "bye"], "psycopg.errors.UndefinedTable: gone"),
        (["migrating", "bye"], "bye"),
        (["bye", "[Container] 2026/11/28 Phase context status code: COMMAND_EXECUTION_ERROR"], "bye"),
        (["it broke", 'ecs-cd-verdict: {"error": 1}'], "it broke"),
        (['    raise KeyError("x")', '  File "/app/main.py", line 7, in <module>', "    x()", "Odd: cut off"], "Odd: cut off"),
        (["2026-11-28T13:00:00.123Z ERROR no connection"], "ERROR no connection"),
        (["\x1b[31mERROR\x1b[0m no connection"], "ERROR no connection"),
        (['{"level":"error","error":{"message":"no connection","stack":"at x"}}'], "ERROR no connection"),
        (['{"level":"error"}'], '{"level":"error"}'),
        (["{" * 5000], "{" * (LONGEST - 1) + "…"),
        (["[" * 90000, '{"a":' * 90000], None),
    ],
)  # fmt: skip
def test_one_line_of_a_log_says_it_best(lines: list[str], expected: str | None) -> None:
    """The last that names an error, or else the app's last; bounded, and of any text."""
    assert telling(lines) == expected if expected is not None else len(telling(lines)) <= LONGEST


def test_a_line_without_an_error_is_no_error() -> None:
    """A container that was killed may have logged anything before."""
    assert error_line(["listening on 8080", "GET / 200"]) == ""


@pytest.mark.parametrize(
    "line",
    [
        "could not connect to postgres://app:hunter2@db/app",
        "could not connect: password=hunter2 host=db",
        'invalid: {"password": "hunter2"}',
        "error: PGPASSWORD='hunter2' psql failed",
        "error with API_KEY = hunter2",
    ],
)
def test_a_credential_is_not_quoted(line: str) -> None:
    """More people read an annotation than a log, in a mail for example; the rest of the line stays."""
    assert "hunter2" not in telling([line])
    assert "***" in telling([line])


@pytest.mark.parametrize("letters", ["(a", "A.", "Error: ", "x::", "A::", " [", "\\\\", "a:1:in '"])
def test_a_long_line_takes_no_long_time(letters: str) -> None:
    """A container writes what it likes."""
    lines = [letters * 50_000 for _ in range(20)]
    assert len(telling(lines)) <= LONGEST
