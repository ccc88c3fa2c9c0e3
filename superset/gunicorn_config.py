"""Two workers share one loaded copy of Superset, so imports are paid once."""

import gc

preload_app = True
workers = 2
worker_class = "gthread"
threads = 8
timeout = 120
limit_request_line = 0  # a dashboard with many filters has a long address
limit_request_field_size = 0


def pre_fork(server, worker):
    gc.freeze()  # the collector would write into every shared page and so copy it


def post_fork(server, worker):
    # Without this the copies share the parent's PostgreSQL sockets and read each other's answers.
    from superset import db

    application = server.app.wsgi()
    with application.app_context():
        db.engine.dispose(close=False)
