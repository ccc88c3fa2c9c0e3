"""Make Superset ready in one process: migrations, roles, accounts, dashboards. Safe to repeat.

usage: bootstrap.py ASSETS_DIR, with the environment of superset_config.py and the passwords of admin and viewer

One process, because every `superset …` command pays ten seconds of imports, and shows the password in `ps`.
"""

import logging
import os
import sys
from pathlib import Path

import yaml
from access import apply_access
from flask_migrate import upgrade
from quick_yaml import use_libyaml
from superset.app import create_app


def main(assets_dir: Path) -> None:
    use_libyaml()
    app = create_app()
    with app.app_context():
        logging.getLogger("alembic").setLevel(logging.WARNING)
        # These modules need the application, so they cannot be imported above.
        from superset.extensions import appbuilder

        from superset import db, security_manager

        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        db.session.commit()
        admin = ensure_account(security_manager, "admin", "Admin", os.environ["SUPERSET_ADMIN_PASSWORD"])
        import_assets(assets_dir, admin)
        delete_removed(assets_dir)
        viewer_role = apply_access(assets_dir / "access.json", db, security_manager)
        viewer = ensure_account(security_manager, "viewer", viewer_role, os.environ["SUPERSET_VIEWER_PASSWORD"])
        viewer.roles = [security_manager.find_role(viewer_role)]
        db.session.commit()


def ensure_account(security_manager, name: str, role: str, password: str):
    """The account, with the password of secrets.json: what `make demo` prints must always be true."""
    from werkzeug.security import check_password_hash

    user = security_manager.find_user(name)
    if not user:
        labels = {"first_name": "一档", "last_name": name, "email": f"{name}@example.invalid"}
        return security_manager.add_user(name, **labels, role=security_manager.find_role(role), password=password)
    if not check_password_hash(user.password, password):
        security_manager.reset_password(user.id, password)
    return user


def import_assets(folder: Path, admin) -> None:
    """Import everything by UUID, overwriting what is there."""
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    from superset import db

    contents = {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}
    with override_user(admin):
        ImportAssetsCommand(contents).run()
    db.session.commit()
    print(f"{len(contents) - 1} assets imported", flush=True)


def delete_removed(folder: Path) -> None:
    """Delete what an earlier import brought and this one does not, except what people use: it becomes theirs."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    from superset import db

    kept = {yaml.safe_load(path.read_text("utf-8")).get("uuid") for path in folder.rglob("*.yaml")}

    def removed(model) -> list:
        # yidang.superset_assets.OURS, which this environment cannot import
        imported = db.session.query(model).filter(model.external_url.like("yidang:%")).all()
        return [item for item in imported if str(item.uuid) not in kept]

    # Dashboards first, then what only they used.
    for model, users in ((Dashboard, None), (Slice, "dashboards"), (SqlaTable, "slices")):
        for item in removed(model):
            if users and getattr(item, users):
                item.external_url = None
                print(f"{item} is in no file any more, and stays: people use it", flush=True)
            else:
                db.session.delete(item)
                print(f"{item} is in no file any more, and was deleted", flush=True)
        db.session.flush()
    db.session.commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
