"""Starting, watching and stopping the real parts: PostgreSQL, the made-up district, Airflow, Superset.

Each service module offers `start(settings)` (idempotent), `stop(settings)` and, where it makes sense, a URL.
"""
