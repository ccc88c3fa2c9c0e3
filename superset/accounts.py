"""Add or revive an account, or shut one, for `yidang superset user`.

usage: accounts.py add|remove, with JSON on the standard input: {"name", "roles", "password", "mail"} or {"name"}

A shut account keeps its name, so that the log still says who did what; it has no roles and cannot log in, and pages
that it has open end with the next click.
"""

import json
import sys

from superset.app import create_app


def main(what: str, given: dict) -> None:
    with create_app().app_context():
        from superset import db, security_manager

        user = security_manager.find_user(given["name"])
        if what == "remove":
            user.roles, user.active = [], False
        else:
            roles = [security_manager.find_role(name) for name in given["roles"]]
            if None in roles:
                sys.exit("a role is missing")
            if user:
                security_manager.reset_password(user.id, given["password"])
                user.roles, user.active, user.fail_login_count = roles, True, 0
                user.email = given["mail"] or user.email
            else:
                labels = {"first_name": given["name"], "last_name": ""}
                labels["email"] = given["mail"] or f"{given['name']}@example.invalid"
                user = security_manager.add_user(given["name"], **labels, role=roles, password=given["password"])
                if not user:
                    sys.exit("Superset did not make the account")
        db.session.commit()


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
