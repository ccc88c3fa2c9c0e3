"""What keeps row rules from being reached around: SQL of one's own, and other people's queries, need the right to SQL.

Superset adds an account's row rules to the query of a dataset, but lets everybody who may see a chart send formulas for
its columns, metrics, filters and order: `query_to_xml('select …')` reads past the rules, and so may whatever is found
next. Dashboards name columns and metrics only, so an account without SQL Lab has no use for a formula.
"""

from flask import g, has_request_context
from superset.security import SupersetSecurityManager

# What Superset's own charts send as formulas: how many rows there are.
HARMLESS = {"count(*)"}
REFUSED = "您的角色只能使用数据集已有的列和指标，不能自写 SQL。"


class GuardedSecurityManager(SupersetSecurityManager):
    """Superset's, but a query of SQL Lab is no dataset for those who may not use SQL Lab: row rules miss it."""

    def can_access(self, permission_name: str, view_name: str) -> bool:
        """Superset's own answer, read from the database once in a request: for a chart it is asked a dozen times."""
        if not has_request_context():
            return super().can_access(permission_name, view_name)
        known = g.setdefault("yidang_can_access", {})
        asked = getattr(g.user, "id", None), permission_name, view_name
        if asked not in known:
            known[asked] = super().can_access(permission_name, view_name)
        return known[asked]

    def may_write_sql(self) -> bool:
        return self.is_admin() or self.can_access("can_execute_sql_query", "SQLLab")

    def raise_for_access(self, *args, **kwargs) -> None:
        from superset.connectors.sqla.models import SqlaTable
        from superset.exceptions import SupersetSecurityException

        context, viz = kwargs.get("query_context"), kwargs.get("viz")
        asked = [kwargs.get("datasource"), getattr(context, "datasource", None), getattr(viz, "datasource", None)]
        asked = [one for one in asked if one is not None and not isinstance(one, SqlaTable)]
        if (asked or kwargs.get("query") or kwargs.get("sql")) and not self.may_write_sql():
            raise SupersetSecurityException(_refusal())
        super().raise_for_access(*args, **kwargs)


def guard_formulas() -> None:
    """Every formula that a request brings passes through one method of datasets; let it pass named columns only."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.exceptions import SupersetSecurityException
    from superset.models.helpers import ExploreMixin

    from superset import security_manager

    process, simple = ExploreMixin._process_sql_expression, SqlaTable.adhoc_metric_to_sqla

    def guarded(self, expression, *args, **kwargs):
        if expression and not security_manager.may_write_sql() and not _is_named(self, expression):
            raise SupersetSecurityException(_refusal())
        return process(self, expression, *args, **kwargs)

    def guarded_metric(self, metric, columns_by_name, *args, **kwargs):
        """An aggregate of a column that the mart has and the dataset does not show."""
        name = (metric.get("column") or {}).get("column_name")
        if name is not None and name not in columns_by_name and not security_manager.may_write_sql():
            raise SupersetSecurityException(_refusal())
        return simple(self, metric, columns_by_name, *args, **kwargs)

    ExploreMixin._process_sql_expression = guarded
    SqlaTable.adhoc_metric_to_sqla = guarded_metric


def _is_named(dataset, expression: str) -> bool:
    """Is it one of the dataset's columns, quoted or not, as charts name their axis?"""
    plain = expression.strip().removeprefix("SELECT 1 ORDER BY ").removeprefix("SELECT ").strip()
    names = {column.column_name for column in dataset.columns}
    return plain in names or plain.lower() in HARMLESS or plain in {f'"{name}"' for name in names}


def _refusal():
    from superset.errors import ErrorLevel, SupersetError, SupersetErrorType

    return SupersetError(
        error_type=SupersetErrorType.QUERY_SECURITY_ACCESS_ERROR, message=REFUSED, level=ErrorLevel.WARNING
    )
