"""Roles and row rules from access.json, which yidang.superset_access writes from access.yaml.

Ours bear the prefix 一档·: they become what the file says, and go when it says them no more. A dataset that is not
imported by us, and a role or rule that people made, is never touched.
"""

import json
from pathlib import Path

OURS = "一档·"  # yidang.superset_access.OURS, which this environment cannot import
# By the right that opens it: the connections of assets/databases.
DATABASES = {"sql": "一档数仓", "personal": "一档个人信息"}

PUBLIC = {
    ("can_read", "Dashboard"),
    ("can_read", "Chart"),
    ("can_dashboard", "Superset"),
    ("can_read", "DashboardFilterStateRestApi"),
    ("can_write", "DashboardFilterStateRestApi"),
    ("can_read", "CssTemplate"),
    ("can_read", "Theme"),
    ("can_time_range", "Api"),
    ("can_log", "Superset"),
}
# Beyond Superset's own list for public dashboards; not SQL Lab, databases or users.
SEE = {
    ("menu_access", "Dashboards"),
    ("can_drill", "Dashboard"),
    ("can_view_chart_as_table", "Dashboard"),
    ("can_samples", "Datasource"),
    ("can_get_drill_info", "Dataset"),
    ("can_write", "DashboardPermalinkRestApi"),
    ("can_export_image", "Superset"),
    ("can_language_pack", "Superset"),
    ("can_log", "Superset"),  # without it each page view ends in one "500" for its own usage log
    ("can_read", "SecurityRestApi"),
    ("can_read", "Dataset"),
    ("can_read", "User"),
    ("can_userinfo", "UserDBModelView"),
    ("resetmypassword", "UserDBModelView"),
}
# Superset calls them reports.
SUBSCRIBE = {
    ("menu_access", "Manage"),
    ("menu_access", "Alerts & Report"),
    ("can_read", "ReportSchedule"),
    ("can_write", "ReportSchedule"),
}
EXPLORE = {
    ("menu_access", "Charts"),
    ("can_explore", "Superset"),
    ("can_read", "Explore"),
    ("can_read", "ExploreFormDataRestApi"),
    ("can_write", "ExploreFormDataRestApi"),
    ("can_write", "ExplorePermalinkRestApi"),
    ("can_write", "Chart"),
    ("can_write", "Dashboard"),
    ("can_get_column_values", "Datasource"),
}
MANAGE = {
    ("menu_access", "Datasets"),
    ("menu_access", "Data"),
    ("can_write", "Dataset"),
    ("can_save", "Datasource"),
    ("can_duplicate", "Dataset"),
    ("can_export", "Dashboard"),
    ("can_export", "Chart"),
    ("can_export", "Dataset"),
    ("can_read", "Log"),
    ("menu_access", "Action Log"),
}


def apply_access(file: Path, db, security_manager) -> str:
    """Make roles and rules what the file says. Returns the role of the account viewer.

    Raises KeyError where a dataset of it was not imported.
    """
    from superset.connectors.sqla.models import SqlaTable

    wanted = json.loads(file.read_text("utf-8"))
    datasets = {str(item.uuid): item for item in db.session.query(SqlaTable).all()}
    rights = Rights(db, security_manager)
    for role in wanted["roles"]:
        _role(security_manager, role["name"], _permissions(rights, role, datasets))
    _rules(db, security_manager, wanted["rules"], datasets)
    _role(security_manager, "Public", _public(rights, [datasets[uuid] for uuid in wanted["public"]]))
    _delete_others(db, security_manager, {role["name"] for role in wanted["roles"]})
    db.session.commit()
    return wanted["viewer"]


class Rights:
    """What this Superset can permit, read at once: asked for one by one, the roles took a fifth of an import."""

    def __init__(self, db, security_manager) -> None:
        from sqlalchemy.orm import joinedload

        self.db, self.manager = db, security_manager
        model = security_manager.permissionview_model
        held = db.session.query(model).options(joinedload(model.permission), joinedload(model.view_menu))
        self._held = {(one.permission.name, one.view_menu.name): one for one in held}

    def known(self, named: set[tuple[str, str]]) -> list:
        """Those of (permission, view) that this version has."""
        return [self._held[one] for one in sorted(named) if one in self._held]

    def of_datasets(self, datasets: list) -> list:
        return [self._made("datasource_access", item.get_perm()) for item in datasets]

    def of_database(self, name: str) -> object:
        from superset.models.core import Database

        database = self.db.session.query(Database).filter_by(database_name=name).one()
        return self._made("database_access", database.perm)

    def _made(self, permission: str, view: str) -> object:
        if (permission, view) not in self._held:
            self._held[permission, view] = self.manager.add_permission_view_menu(permission, view)
        return self._held[permission, view]


def _permissions(rights: Rights, role: dict, datasets: dict) -> list:
    if not role["may"]:
        return []
    manager = rights.manager
    bundles = {
        "see": set(manager.PUBLIC_ROLE_PERMISSIONS) | SEE,
        "export": {("can_csv", "Superset")},
        "subscribe": SUBSCRIBE,
        "explore": EXPLORE,
        "sql": manager.SQLLAB_ONLY_PERMISSIONS | manager.SQLLAB_EXTRA_PERMISSION_VIEWS,
        "manage": MANAGE,
    }
    named = set().union(*(bundles.get(right, set()) for right in role["may"]))
    found = rights.known(named) + rights.of_datasets([datasets[uuid] for uuid in role["datasets"]])
    return found + [rights.of_database(DATABASES[right]) for right in sorted(DATABASES.keys() & set(role["may"]))]


def _public(rights: Rights, datasets: list) -> list:
    """Without a public dataset not even the pages: only the language of the login page."""
    named = {("can_language_pack", "Superset")} | (PUBLIC if datasets else set())
    return rights.known(named) + rights.of_datasets(datasets)


def _role(security_manager, name: str, permissions: list) -> None:
    security_manager.add_role(name).permissions = list(dict.fromkeys(permissions))


def _rules(db, security_manager, rules: list[dict], datasets: dict) -> None:
    from superset.connectors.sqla.models import RowLevelSecurityFilter

    known = {rule.name: rule for rule in db.session.query(RowLevelSecurityFilter).all() if rule.name.startswith(OURS)}
    for wanted in rules:
        rule = known.pop(wanted["name"], None) or RowLevelSecurityFilter(name=wanted["name"])
        rule.filter_type, rule.clause, rule.group_key = wanted["type"], wanted["clause"], wanted["group"]
        rule.roles = [security_manager.find_role(name) for name in wanted["roles"]]
        rule.tables = [datasets[uuid] for uuid in wanted["datasets"]]
        db.session.add(rule)
    for rule in known.values():
        db.session.delete(rule)
    db.session.flush()


def _delete_others(db, security_manager, kept: set[str]) -> None:
    """Roles of ours that the file names no more; and Viewer, which earlier versions made for everybody."""
    for role in security_manager.get_all_roles():
        if (role.name.startswith(OURS) and role.name not in kept) or role.name == "Viewer":
            for user in list(role.user):
                user.roles.remove(role)
            db.session.flush()
            db.session.delete(role)
            print(f"role {role.name} is in no file any more, and was deleted", flush=True)
    db.session.flush()
