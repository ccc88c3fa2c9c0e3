"""Every file of data that leaves Superset is a row of its table `logs`, with the action yidang.export.

Superset logs requests, and the same whether one was refused or answered. `yidang superset audit` lists ours. A row that
cannot be written ends the request: what is not logged does not leave.
"""

import json

from flask import Flask, Response, g, request

ACTION = "yidang.export"
KINDS = {
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/zip": "zip",
}
SQL_CHARACTERS = 200


def log_exports(app: Flask) -> None:
    @app.after_request
    def log_export(response: Response) -> Response:
        kind = KINDS.get(response.mimetype)
        if response.status_code == 200 and kind and not request.path.startswith("/static/"):
            _log(kind, None if response.is_streamed else response.content_length)
        return response


def _log(kind: str, size: int | None) -> None:
    """size: bytes; None where it is sent in pieces."""
    log_leaving(kind, _what(), size, request.path)


def log_leaving(kind: str, what: str, size: int | None, path: str) -> None:
    """For the current user. path: of the request, or of the page that was mailed."""
    from superset.models.core import Log

    from superset import db

    said = json.dumps({"kind": kind, "what": what, "size": size, "path": path}, ensure_ascii=False)
    db.session.add(Log(action=ACTION, user_id=getattr(getattr(g, "user", None), "id", None), json=said))
    db.session.commit()


def _what() -> str:
    """The chart and its dataset, or the query, or the address: what people know it by."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.slice import Slice
    from superset.models.sql_lab import Query

    from superset import db

    view = request.view_args or {}
    if query := view.get("client_id") or request.form.get("client_id"):
        found = db.session.query(Query).filter_by(client_id=query).one_or_none()
        return f"SQL: {' '.join(found.sql.split())[:SQL_CHARACTERS]}" if found else request.path
    body = _body()
    form = body.get("form_data") if isinstance(body.get("form_data"), dict) else body
    # a path like /api/v1/chart/<pk>/data/ names the chart, a body's form_data the chart that it stands for
    chart = view.get("pk") if request.path.startswith("/api/v1/chart/") else form.get("slice_id")
    dataset = body.get("datasource") or form.get("datasource") or {}
    dataset = dataset.get("id") if isinstance(dataset, dict) else str(dataset).partition("__")[0]
    names = [
        db.session.query(column).filter(model.id == int(number)).scalar()
        for model, column, number in (
            (Slice, Slice.slice_name, chart),
            (SqlaTable, SqlaTable.table_name, dataset),
        )
        if str(number or "").isdigit()
    ]
    return " · ".join(name for name in names if name) or request.path


def _body() -> dict:
    """What was asked for: the browser posts an export as a form, whose one field is the JSON."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        try:
            body = json.loads(request.form.get("form_data") or "{}")
        except ValueError:
            body = {}
    return body if isinstance(body, dict) else {}
