"""The whole main job as a user runs it: `yidang demo` in an empty home, again, `status`, `stop`."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import docx
import httpx
import psutil
import psycopg
import pytest
from browser import Browser, logged_in
from conftest import free_port_base
from one_case import commands, differences, queries
from pypdf import PdfReader

from yidang import settings as settings_module
from yidang import superset_check
from yidang.settings import ROOT, Settings

pytestmark = pytest.mark.end_to_end
YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, subprocess.CompletedProcess]]:
    """The demo, run once in a home of its own; everything is stopped and removed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("YIDANG_")]:
            patch.delenv(name)
        patch.setenv("YIDANG_HOME", str(tmp_path_factory.mktemp("demo")))
        patch.setenv("YIDANG_PORT_BASE", str(free_port_base()))
        loaded = settings_module.load()
        try:
            yield loaded, run("demo")
        finally:
            run("clean")


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([YIDANG, *arguments], capture_output=True, text=True, timeout=600)


def query(settings: Settings, statement: str, *values: str) -> list[tuple]:
    with psycopg.connect(settings.dsn("reader"), options="-c search_path=marts") as connection:
        return connection.execute(statement, values or None).fetchall()


def truth(settings: Settings, name: str) -> list[dict[str, str]]:
    with (settings.district_dir / "truth" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_it_succeeds_and_says_where_to_look(demo):
    settings, result = demo
    assert result.returncode == 0, result.stdout + result.stderr
    for word in ("Dashboard", "Airflow", "Annual report", "make stop", "secrets.json"):
        assert word in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert re.search(r"^Done in \d+ s; the Python environments, .* are not counted\.$", result.stdout, re.MULTILINE)
    (imported,) = re.findall(r"✓ Superset: dashboards imported  ([0-9.]+) s, beside", result.stdout)
    assert float(imported) > 1, "how long it was waited for says nothing"


def test_work_beside_other_steps_shows_its_own_seconds(capfd):
    from yidang.progress import Progress

    progress = Progress("title")
    with ThreadPoolExecutor(1) as pool:
        running = progress.beside(pool, time.sleep, 0.4)
        with progress.step("another"):
            time.sleep(0.6)
        progress.join("beside it", running)
        failed = progress.beside(pool, int, "x")
        with pytest.raises(ValueError):
            progress.join("fails", failed)
    steps = dict(progress.steps)
    assert set(steps) == {"another", "beside it"}
    assert 0.4 <= steps["beside it"] < 0.6 <= steps["another"]


def test_no_secret_is_printed_or_logged(demo):
    settings, result = demo
    secrets = json.loads(settings.secrets_file.read_text())
    passwords = [value for name, value in secrets.items() if name.endswith(("PASSWORD", "TOKEN", "SECRET", "KEY"))]
    assert len(passwords) >= 8
    texts = [result.stdout, result.stderr]
    texts += [path.read_text("utf-8", "replace") for path in settings.log_dir.glob("*.log")]
    texts += [path.read_text("utf-8", "replace") for path in (settings.home / "airflow" / "logs").rglob("*.log")]
    assert not [password for password in passwords if any(password in text for text in texts)]


def test_one_lifecycle_row_per_project_of_the_truth(demo):
    settings, _ = demo
    built = query(settings, "select project_code from fct_project_lifecycle")
    true_codes = {row["project_code"] for row in truth(settings, "projects.csv")}
    assert len(built) == len(true_codes) == len({code for (code,) in built})
    assert {code for (code,) in built} == true_codes


def test_every_case_of_the_truth_is_a_row(demo):
    """Nothing is dropped on the way: each true 办件 that its department shows is in the fact table once."""
    settings, _ = demo
    built = {tuple(row) for row in query(settings, "select source_department, instance_code from fct_item_instance")}
    assert len(built) == query(settings, "select count(*) from fct_item_instance")[0][0]
    true_cases = {
        (row["department"], row["case_id"]) for row in truth(settings, "cases.csv") if row["is_visible"] == "1"
    }
    assert true_cases - built == set()


def test_no_run_of_airflow_failed(demo):
    settings, _ = demo
    with psycopg.connect(settings.dsn("airflow")) as connection:
        runs = set(connection.execute("select dag_id, state from dag_run").fetchall())
    # The half-hourly pulls may come due meanwhile: they count too, and may still be running.
    assert {run for run in runs if run[1] not in ("success", "running", "queued")} == set()
    succeeded = {dag_id for dag_id, state in runs if state == "success"}
    assert len({dag_id for dag_id in succeeded if dag_id.startswith("pull_")}) == 8
    assert "build" in succeeded


def test_nothing_listens_beyond_loopback(demo):
    settings, _ = demo
    ours = range(settings.port_base, settings.port_base + 10)
    listening = [item.laddr for item in psutil.net_connections("tcp") if item.status == psutil.CONN_LISTEN]
    assert len({address.port for address in listening if address.port in ours}) == 7
    assert [address for address in listening if address.port in ours and address.ip != "127.0.0.1"] == []
    pids = [json.loads(path.read_text())["pid"] for path in settings.run_dir.glob("*.json")]
    family = {
        child.pid for pid in pids for child in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    }
    opened = [
        item for item in psutil.net_connections("tcp") if item.pid in family and item.status == psutil.CONN_LISTEN
    ]
    assert {item.laddr.ip for item in opened} == {"127.0.0.1"}


def test_the_pages_answer(demo):
    settings, _ = demo
    for port, path in ((settings.port("airflow"), "/api/v2/monitor/health"), (settings.port("superset"), "/health")):
        assert httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code == 200


def test_officers_get_mails_about_open_cases_that_link_to_the_form(demo):
    """Airflow sends what the build raised; mails lie in the catcher's folder, and the link in one opens the form."""
    settings, _ = demo
    counts = "sum(message_count), sum(sent_message_count), sum(undelivered_message_count)"
    sql = f"select count(*), {counts} from fct_warning"  # noqa: S608
    deadline = time.monotonic() + 180
    while True:
        warnings, messages, sent, undelivered = query(settings, sql)[0]
        if messages == sent and messages:
            break
        assert time.monotonic() < deadline, (warnings, messages, sent, undelivered)
        time.sleep(1)
    mails = [mail for mail in caught(settings) if not list(mail.iter_attachments())]
    assert len(mails) == messages and undelivered == 0
    mail = mails[0]
    assert mail["To"].endswith("@yunxi.example") and "虚构示例数据" in mail["Subject"]
    (link,) = re.findall(r"^http://127.0.0.1:\d+/w/\S+$", mail.get_content(), re.MULTILINE)
    page = httpx.get(link, trust_env=False)
    assert page.status_code == 200 and "提交答复" in page.text
    print(f"{warnings} warnings, {messages} messages")


def caught(settings: Settings) -> list[EmailMessage]:
    """What lies in the mail catcher's folder."""
    files = settings.mail_dir.glob("*.eml")
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_a_dashboard_has_come_by_mail(demo):
    settings, _ = demo
    (mail,) = [mail for mail in caught(settings) if list(mail.iter_attachments())]
    assert mail["To"] == "leader@yunxi.example" and mail["Subject"].startswith("【虚构示例数据】审批效能总览")
    (attached,) = mail.iter_attachments()
    (page,) = PdfReader(io.BytesIO(attached.get_content())).pages
    # Chromium writes some characters as the radicals that look the same (⽉ for 月)
    assert "数据截至 2026年6月30日" in unicodedata.normalize("NFKC", page.extract_text())
    listed = run("superset", "subscriptions", "list").stdout
    assert re.search(r"^每周效能总览\tviewer\t审批效能总览\t.*\t1 recipients\t.* Success\tnext ", listed), listed
    assert run("superset", "subscriptions", "send").stdout == "✓ nothing is due\n"


def test_the_report_opens_and_says_that_the_data_are_made_up(demo):
    settings, _ = demo
    path = settings.reports_dir / "annual-2025" / "annual-2025.docx"
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
    assert "虚构" in text


def test_status_is_healthy_and_machine_readable(demo):
    settings, _ = demo
    result = run("status", "--json")
    report = json.loads(result.stdout)
    assert (result.returncode, report["healthy"]) == (0, True), report
    assert len(report["departments"]) == 8


SIZES = {"wall": (1920, 1080), "wall-wide": (3840, 1080), "mobile": (390, 844), "window": (1280, 900)}
CUT_TABLES = """
    [...document.querySelectorAll('.dashboard-component-chart-holder')].filter(box =>
        [...box.querySelectorAll('.superset-chart-table table')].some(table =>
            table.getBoundingClientRect().right > box.getBoundingClientRect().right)
    ).map(box => box.innerText.slice(0, 20))
"""
BOARDS = superset_check.load(settings_module.load()).kind("dashboards")


@pytest.fixture(scope="module")
def viewer(demo) -> Iterator[Browser]:
    settings, _ = demo
    with logged_in(settings, "viewer", settings.secret("YIDANG_SUPERSET_VIEWER_PASSWORD")) as browser:
        yield browser


@pytest.mark.parametrize("slug", [board["slug"] for board in BOARDS.values()])
def test_every_dashboard_stands_at_its_size(viewer, slug):
    """Each chart is answered and drawn; a picture is kept. Nothing on a phone or a wall is outside the screen."""
    width, height = SIZES.get(slug, (1600, 1000))
    (board,) = [board for board in BOARDS.values() if board["slug"] == slug]
    with viewer.screen(width, height) as shown:
        shown.open(f"{slug}/?standalone=3&show_filters=0" if slug.startswith("wall") else f"{slug}/")
        if slug.startswith("wall"):
            assert shown.page.evaluate("document.documentElement.scrollHeight") <= height
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
        if slug.startswith("wall"):
            assert shown.page.evaluate(CUT_TABLES) == [], "nobody scrolls there"
        shown.see_all()
        assert shown.failed() == []
        assert shown.page.locator("[role=alert]").count() == 0
        assert len({json.loads(one.request.post_data)["form_data"].get("slice_id") for one in shown.answers}) >= len(
            superset_check.charts_of(board)
        )
        assert "虚构示例数据" in shown.chart("data_note").inner_text()
        shown.picture(slug)


def test_the_numbers_of_the_dashboards_are_those_of_sql(demo, viewer):
    settings, _ = demo
    ((received, opened, due, on_time),) = query(
        settings,
        "select count(*) filter (where received_date is not null or accepted_date is not null),"
        " count(*) filter (where is_open), count(*) filter (where is_due),"
        " count(*) filter (where is_due and is_on_time) from fct_item_instance",
    )
    with viewer.screen() as shown:
        shown.open("overview/")
        assert shown.number("kpi_received") == f"{received:,}"
        assert shown.number("kpi_open") == f"{opened:,}"
        assert shown.number("kpi_on_time") == f"{on_time / due:.1%}"


def test_from_the_league_table_to_one_case(demo, viewer):
    """Choose a department by the filter; open what it was late with; its page says what the warehouse says."""
    settings, _ = demo
    with viewer.screen() as shown:
        shown.open("departments/")
        department = shown.cells("league", 0)[0]
        shown.page.locator('[data-test="form-item-value"]').first.click()
        shown.page.get_by_title(department, exact=True).last.click()
        shown.page.keyboard.press("Escape")
        shown.page.get_by_text("应用筛选").or_(
            shown.page.locator('[data-test="filter-bar__apply-button"]')
        ).first.click()
        shown.settle()
        shown.see_all()
        assert set(shown.cells("league", 0)) == set(shown.cells("league_of_offices", 0)) == {department}
        assert set(shown.cells("cases_not_on_time", 2)) == {department}
        number = shown.cells("cases_not_on_time", 1)[0]
        link = shown.chart("cases_not_on_time").get_by_role("link", name="打开").first.get_attribute("href")
        ((case, steps, elapsed),) = query(
            settings,
            "select case_id, (select count(*) from fct_item_event as events where events.case_id = cases.case_id),"
            " elapsed_working_days from fct_item_instance as cases where instance_code = %s",
            number,
        )
        shown.open(link.removeprefix("/superset/dashboard/"))
        assert case in shown.chart("case_card").inner_text()
        assert f"= {elapsed} 工作日" in shown.chart("case_card").inner_text()
        assert len(shown.cells("case_events", 0)) == steps


def test_from_the_list_of_projects_to_one(demo, viewer):
    settings, _ = demo
    with viewer.screen() as shown:
        shown.open("projects/")
        shown.see_all()
        name = shown.cells("open_projects", 3)[0]
        link = shown.chart("open_projects").get_by_role("link", name="打开").first.get_attribute("href")
        ((code, cases),) = query(
            settings, "select project_code, case_count from fct_project_lifecycle where project_name = %s", name
        )
        shown.open(link.removeprefix("/superset/dashboard/"))
        shown.see_all()
        assert name in shown.chart("project_card").inner_text() and code in shown.chart("project_card").inner_text()
        assert len(shown.cells("project_cases", 0)) == cases


def test_a_second_demo_is_quick_and_changes_nothing(demo):
    settings, _ = demo
    report = settings.reports_dir / "annual-2025" / "annual-2025.docx"
    before = (ledger(settings), snapshot(settings.run_dir), report.read_bytes())
    began = time.monotonic()
    result = run("demo")
    seconds = time.monotonic() - began
    assert result.returncode == 0, result.stdout + result.stderr
    assert (ledger(settings), snapshot(settings.run_dir), report.read_bytes()) == before
    print(f"second demo: {seconds:.1f} s")


def test_every_query_of_the_page_about_one_case_gives_what_it_prints(demo):
    settings, _ = demo
    assert len(list(queries())) == 15
    assert differences(settings) == []


def test_every_other_command_of_that_page_prints_what_it_says(demo, tmp_path):
    """Batch numbers are masked; the command is on the PATH, as the page says."""
    path = {**os.environ, "PATH": f"{YIDANG.parent}:{os.environ['PATH']}"}
    assert len(commands()) == 2
    for command, printed in commands():
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=path
        )
        got, wanted = (
            [re.sub(r" +[0-9]+ +[0-9]+$", "", line.rstrip()) for line in text.splitlines()]
            for text in (done.stdout, printed)
        )
        assert got == wanted, done.stderr


def test_stop_stops_everything_and_only_that(demo):
    settings, _ = demo
    result = run("stop")
    assert result.returncode == 0
    report = json.loads(run("status", "--json").stdout)
    assert not any(service["running"] for service in report["services"])
    assert run("stop").stdout.strip() == "Nothing was running."


def ledger(settings: Settings) -> tuple:
    with psycopg.connect(settings.dsn("loader")) as connection:
        return connection.execute("select count(*), sum(rows_landed), max(batch_id) from landing.batch").fetchone()


def snapshot(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.json"))}
