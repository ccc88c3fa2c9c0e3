"""Superset's settings: secure by default, Chinese, and nothing leaves the machine.

Secrets and paths come from the environment (NAME, or NAME_FILE naming a file that holds it); a missing one stops
the start. `yidang.services.superset` sets them; `docker/` sets the same ones.
"""

import base64
import os
from datetime import timedelta
from pathlib import Path

from access_guards import GuardedSecurityManager
from superset_fixes import apply_fixes


def _need(name: str) -> str:
    if os.environ.get(f"{name}_FILE"):
        return Path(os.environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    if os.environ.get(name):
        return os.environ[name]
    raise SystemExit(f"superset_config: neither {name} nor {name}_FILE is set")


# -- where things are ------------------------------------------------------------------------------------
SECRET_KEY = _need("SUPERSET_SECRET_KEY")
GUEST_TOKEN_JWT_SECRET = _need("SUPERSET_GUEST_SECRET")
GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
SQLALCHEMY_DATABASE_URI = _need("SUPERSET_META_URI")
SQLALCHEMY_ENGINE_OPTIONS = {"pool_size": 5, "max_overflow": 10, "pool_pre_ping": True}
# The warehouse password is never stored in Superset's own database: a new one needs no new import.
_warehouse_passwords = {
    "yidang_reader": _need("SUPERSET_WAREHOUSE_PASSWORD"),
    "yidang_personal": _need("SUPERSET_PERSONAL_PASSWORD"),
}


def SQLALCHEMY_CUSTOM_PASSWORD_STORE(uri):  # noqa: N802 - Superset's name
    return _warehouse_passwords.get(uri.username)


# -- language --------------------------------------------------------------------------------------------
BABEL_DEFAULT_LOCALE = "zh"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}, "en": {"flag": "us", "name": "English"}}
D3_FORMAT = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["¥", ""]}
D3_TIME_FORMAT = {
    "dateTime": "%Y年%-m月%-d日 %H:%M:%S",
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "periods": ["上午", "下午"],
    "days": ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
    "shortDays": ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
    "months": [f"{month}月" for month in range(1, 13)],
    "shortMonths": [f"{month}月" for month in range(1, 13)],
}

# -- who may what (roles and row rules: access.yaml) -------------------------------------------------------
CUSTOM_SECURITY_MANAGER = GuardedSecurityManager
YIDANG_ACCESS_FILE = Path(_need("SUPERSET_HOME")) / "assets" / "access.json"  # as it was last imported

# -- web security ----------------------------------------------------------------------------------------
_https = os.environ.get("SUPERSET_HTTPS") == "1"
WTF_CSRF_ENABLED = True
# A browser sends cookies of 127.0.0.1 to every port, and Airflow next door also calls its cookie "session".
SESSION_COOKIE_NAME = "yidang_superset"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _https  # True on plain http would be an endless login loop
PERMANENT_SESSION_LIFETIME = timedelta(hours=8)
ENABLE_PROXY_FIX = os.environ.get("SUPERSET_BEHIND_PROXY") == "1"
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],  # the chart library writes inline styles
        "font-src": ["'self'", "data:"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'self'"],
        "form-action": ["'self'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": _https,
    "frame_options": "SAMEORIGIN",
}
ENABLE_CORS = False
THEME_FONT_URL_ALLOWED_DOMAINS = []
FAB_API_SWAGGER_UI = False
AUTH_ROLE_PUBLIC = "Public"
PUBLIC_ROLE_LIKE = None
RATELIMIT_ENABLED = True  # off by default outside SUPERSET_ENV=production
RATELIMIT_APPLICATION = "100 per second"
RATELIMIT_STORAGE_URI = "memory://"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per minute"
LOGIN_RATE_LIMIT_PER_ADDRESS = "60 per minute"

# -- cache without Redis ---------------------------------------------------------------------------------
# Entries are pickles: whoever can write them runs code as us. So the folder is ours alone, never /tmp.
_cache = Path(_need("SUPERSET_HOME")) / "cache"
_cache.mkdir(parents=True, exist_ok=True)
_cache.chmod(0o700)


def _file_cache(name: str, seconds: int) -> dict:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(_cache / name),
        "CACHE_DEFAULT_TIMEOUT": seconds,
        "CACHE_THRESHOLD": 2000,
        "CACHE_KEY_PREFIX": f"{name}_",
    }


CACHE_CONFIG = _file_cache("metadata", 3600)
# Figures change only with a build, and the build empties this folder (yidang.services.superset.clear_cache).
DATA_CACHE_CONFIG = _file_cache("data", 86400)
THUMBNAIL_CACHE_CONFIG = _file_cache("thumbnail", 86400)

# -- features --------------------------------------------------------------------------------------------
FEATURE_FLAGS = {
    "ALERT_REPORTS": True,  # sent by send_subscriptions.py
    "ALLOW_ADHOC_SUBQUERY": False,
    "DASHBOARD_RBAC": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
    "EMBEDDED_SUPERSET": False,  # no guest tokens
    "ESCAPE_MARKDOWN_HTML": False,
    "RLS_IN_SQLLAB": True,  # for accounts that people give SQL Lab and a role with rows of its own
    "TAGGING_SYSTEM": False,
}
CELERY_CONFIG = None

# -- subscriptions (subscription_guards.py; sent by send_subscriptions.py, not by Celery) -------------------------
REPORT_MINIMUM_INTERVAL = 3600  # of a subscription, in seconds
ALERT_MINIMUM_INTERVAL = 600


def COMMON_BOOTSTRAP_OVERRIDES_FUNC(data: dict) -> dict:  # noqa: N802 - Superset's name
    """Its form offers webhooks too, which would let people send requests from this machine."""
    return {"conf": {**data["conf"], "ALERT_REPORTS_NOTIFICATION_METHODS": ["Email"]}}


# -- limits ------------------------------------------------------------------------------------------------
ROW_LIMIT = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
SQLLAB_TIMEOUT = 60

# -- look ------------------------------------------------------------------------------------------------
APP_NAME = "一档 · 审批效能"
LOGO_TARGET_PATH = "/superset/dashboard/overview/"
_fonts = "'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',Inter,Helvetica,Arial,sans-serif"
_logo = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='196' height='32' viewBox='0 0 196 32'>"
    "<rect x='2' y='4' width='24' height='24' rx='5' fill='#1f4e8c'/>"
    "<path d='M8 12h12M8 16.500h12M8 21h7' stroke='#fff' stroke-width='2.200' stroke-linecap='round'/>"
    "<text x='36' y='22' font-family='Noto Sans CJK SC,Microsoft YaHei,sans-serif' font-size='17' font-weight='700' "
    "fill='#1f2d3d'>一档 · 审批效能</text></svg>"
)
_logo_url = "data:image/svg+xml;base64," + base64.b64encode(_logo.encode()).decode()
FAVICONS = [{"href": "/static/assets/images/favicon.png"}]
THEME_DEFAULT = {
    "algorithm": "default",
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": APP_NAME,
        "brandLogoHeight": "32px",
        "brandLogoHref": LOGO_TARGET_PATH,
        "brandLogoMargin": "8px 0",
        "brandLogoUrl": _logo_url,
        "colorPrimary": "#1f4e8c",
        "colorLink": "#1f4e8c",
        "colorError": "#b3261e",
        "colorWarning": "#d99a00",
        "colorSuccess": "#2e7d4f",
        "colorInfo": "#1f4e8c",
        "fontFamily": _fonts,
        "borderRadius": 6,
    },
}
THEME_DARK = None  # a wall screen must not turn dark with the browser's mood
# Told apart by lightness as well as hue, so that they survive colour blindness and a black-and-white printer.
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "yidang",
        "label": "一档",
        "description": "蓝、金、灰为主;红只留给逾期",
        "isDefault": True,
        "colors": ["#1f4e8c", "#d99a00", "#6f9fcf", "#5b6673", "#2f7f86", "#9a6fb0", "#a3b4c6", "#8c5a2b"],
    }
]
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "yidang_blue",
        "label": "一档 浅→深",
        "description": "",
        "isDiverging": False,
        "colors": ["#f2f6fb", "#cfdff0", "#9dbfe0", "#6196c9", "#2f6cab"],
    }
]

FLASK_APP_MUTATOR = apply_fixes
