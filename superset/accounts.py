"""Add or revive accounts, or shut some, for `yidang superset user`.

usage: accounts.py add|remove, with JSON on the standard input: [{"name", "roles", "password", "mail"}] or [{"name"}]

A shut account keeps its name, so that the log still says who did what; it has no roles and cannot log in, and pages
that it has open end with the next click.
"""

import json
import sys

from superset.app import create_app


def main(what: str, given: list[dict]) -> None:
    with create_app().app_context():
        from superset import db, security_manager

        if what == "add":
            add(given, security_manager)
        else:
            remove(given, security_manager)
        db.session.commit()


def add(given: list[dict], security_manager) -> None:
    roles = {one["name"]: [security_manager.find_role(role) for role in one["roles"]] for one in given}
    if any(None in found for found in roles.values()):
        sys.exit("a role is missing")
    for one in given:
        name, password, mail = one["name"], one["password"], one["mail"]
        if user := security_manager.find_user(name):
            security_manager.reset_password(user.id, password)
            user.roles, user.active, user.fail_login_count = roles[name], True, 0
            user.email = mail or user.email
            continue
        labels = {"first_name": name, "last_name": "", "email": mail or f"{name}@example.invalid"}
        if not security_manager.add_user(name, **labels, role=roles[name], password=password):
            sys.exit("Superset did not make the account")


def remove(given: list[dict], security_manager) -> None:
    for one in given:
        user = security_manager.find_user(one["name"])
        user.roles, user.active = [], False


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
