"""Superset in the foreground of a container.

usage: superset_entrypoint.py init     database tables, roles and the administrator; then end
       superset_entrypoint.py serve    the web server

Variables set on the container win over the ones Yidang derives, so compose alone decides on hosts and ports.
"""

from __future__ import annotations

import os
import sys

from yidang.errors import YidangError
from yidang.settings import Settings, load

SECRETS = {
    "SUPERSET_SECRET_KEY": "YIDANG_SUPERSET_SECRET_KEY",
    "SUPERSET_GUEST_SECRET": "YIDANG_SUPERSET_GUEST_SECRET",
    "SUPERSET_ADMIN_PASSWORD": "YIDANG_SUPERSET_ADMIN_PASSWORD",
}


def main(command: list[str]) -> None:
    settings = load()
    os.environ.update({**environment(settings), **os.environ})
    if command == ["init"]:
        prepare()
    elif command == ["serve"]:
        address = f"{os.environ['SUPERSET_ADDRESS']}:{settings.port('superset')}"
        config = str(settings.root / "superset" / "gunicorn_config.py")
        argv = [sys.executable, "-m", "gunicorn", "-c", config, "-b", address, "superset.app:create_app()"]
        os.execv(argv[0], argv)
    else:
        os.execvp(command[0], command)


def environment(settings: Settings) -> dict[str, str]:
    """What superset/superset_config.py asks for."""
    generated = settings.ensure_secrets(list(SECRETS.values()))
    return {
        **{variable: generated[name] for variable, name in SECRETS.items()},
        "SUPERSET_HOME": str(settings.home / "superset"),
        "SUPERSET_CONFIG_PATH": str(settings.root / "superset" / "superset_config.py"),
        "SUPERSET_META_URI": settings.dsn("superset", "+psycopg2"),
        "SUPERSET_WAREHOUSE_PASSWORD": settings.secret("YIDANG_READER_PASSWORD"),
        "SUPERSET_ADDRESS": "127.0.0.1",
        "FLASK_APP": "superset.app:create_app()",
    }


def prepare() -> None:
    """Safe to repeat; one process, because every `superset …` command pays ten seconds of imports."""
    from flask_migrate import upgrade
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        from superset.extensions import appbuilder

        from superset import db, security_manager

        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        if not security_manager.find_user("admin"):
            role = security_manager.find_role("Admin")
            password = os.environ["SUPERSET_ADMIN_PASSWORD"]
            security_manager.add_user(
                "admin", "Yidang", "Administrator", "admin@example.invalid", role, password=password
            )
        db.session.commit()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except YidangError as error:
        sys.exit(str(error))
