"""The `yidang` command. Each command is thin: it calls the module that does the work.

Exit codes: 0 done · 1 failed (a source, a gate, a build) · 2 the request itself is wrong.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TextIO

import typer

from yidang import settings as settings_module
from yidang.cli_options import AsOf, date_of
from yidang.cli_reports import report_app, trace
from yidang.errors import ConfigError, YidangError

app = typer.Typer(
    help="Yidang 一档: pull departments' approval records, build one lifecycle per project, serve honest figures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(report_app, name="report")
app.command("trace")(trace)
clock_app = typer.Typer(help="The working-day clock: compute cases of a file, explain a case.", no_args_is_help=True)
app.add_typer(clock_app, name="clock")
process_app = typer.Typer(
    help="The process view: what follows what, after how long, and what if.", no_args_is_help=True
)
app.add_typer(process_app, name="process")
calendar_app = typer.Typer(
    help="The working-day calendar: load a year's notice, show what counts.", no_args_is_help=True
)
app.add_typer(calendar_app, name="calendar")

quarantine_app = typer.Typer(
    help="Rows and batches that were kept out: list, show, judge again, let through.", no_args_is_help=True
)
app.add_typer(quarantine_app, name="quarantine")
corrections_app = typer.Typer(help="Corrections of values, as data: never edits what was landed.", no_args_is_help=True)
app.add_typer(corrections_app, name="corrections")
docs_app = typer.Typer(help="What each model and column means.", no_args_is_help=True)
app.add_typer(docs_app, name="docs")
policy_app = typer.Typer(help="The clock's switches: what would another one change?", no_args_is_help=True)
app.add_typer(policy_app, name="policy")

warnings_app = typer.Typer(
    help="Warnings that reach people: what waits, sending it, the form for answers.", no_args_is_help=True
)
app.add_typer(warnings_app, name="warnings")
superset_app = typer.Typer(help="The dashboards as files: check, import, what a change touches.", no_args_is_help=True)
app.add_typer(superset_app, name="superset")
user_app = typer.Typer(help="Accounts of Superset: who is who, and sees which department's rows.", no_args_is_help=True)
superset_app.add_typer(user_app, name="user")
subscriptions_app = typer.Typer(help="Dashboards by mail: who subscribed to what, sending it.", no_args_is_help=True)
superset_app.add_typer(subscriptions_app, name="subscriptions")


@app.command()
def demo() -> None:
    """Set up and run the main job on a made-up district: pull, build, dashboards, a first annual report."""
    from yidang.demo import run

    run(settings_module.load())


@app.command()
def stop() -> None:
    """Stop everything that `yidang demo` started, by pid. Data stay."""
    from yidang.demo import stop_all

    stopped = stop_all(settings_module.load())
    typer.echo("Stopped: " + ", ".join(stopped) if stopped else "Nothing was running.")


@app.command()
def clean() -> None:
    """Stop everything and remove all data, logs and generated secrets of this clone."""
    from yidang.demo import remove_all

    remove_all(settings_module.load())
    typer.echo("Removed. `make demo` starts from nothing again.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False) -> None:
    """What runs; what each department landed, what is wrong with it, when it comes next; for which day the marts are.

    Exit code 1 if a service is down or a department failed, is held or stale; warnings (yellow) do not count. Times are
    in Asia/Shanghai.
    """
    from yidang.status import collect, render

    report = collect(settings_module.load())
    typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=1, default=str)) if as_json else render(report)
    raise typer.Exit(0 if report.healthy else 1)


@app.command()
def quality(
    output: Annotated[Path | None, typer.Option(help="Default: .yidang/reports/quality.html.")] = None,
) -> None:
    """Write the data-quality page: checks and their history, quarantine, drift, differences; one HTML file, offline."""
    from yidang.quality import write

    typer.echo(f"✓ {write(settings_module.load(), output)}")


@app.command()
def pull(
    departments: Annotated[list[str] | None, typer.Argument(help="Department ids, or paths of YAML files.")] = None,
    all_departments: Annotated[bool, typer.Option("--all", help="Every department in departments/.")] = False,
    since: Annotated[str | None, typer.Option(help="Read from this day of the cursor on again, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="… up to, not including, this day.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Land nothing; say what would land.")] = False,
    reconcile: Annotated[bool, typer.Option("--reconcile", help="Compare every day with the source.")] = False,
) -> None:
    """Pull what is new and land it, exactly once. One department's failure does not stop the others.

    Exit code 1 when a department failed or a batch of it is held, also one of an earlier pull.
    """
    from yidang import contracts, landing

    settings = settings_module.load()
    if bool(departments) == all_departments:
        raise ConfigError("Say which departments to pull.", "yidang pull zigui shuiwu   or   yidang pull --all")
    days = {"since": date_of(since), "until": date_of(until)}
    landing.require_request(**days, dry_run=dry_run, reconcile_all=reconcile)
    chosen = sorted(path.stem for path in settings.departments_dir.glob("*.yml")) if all_departments else departments
    errors: dict[str, YidangError] = {}
    held: list[str] = []
    for name in chosen or []:
        try:
            department = contracts.load_department(settings, name)
            result = landing.pull(
                settings, department, **days, dry_run=dry_run, reconcile_all=reconcile, tell=typer.echo
            )
        except YidangError as error:
            errors[name] = error
            typer.echo(f"✗ {name}: {error}", err=True)
        else:
            held += [name] if result.held else []
    what = [f"{len(errors)} of {len(chosen or [])} departments failed: {', '.join(errors)}."] if errors else []
    what += [f"Batches of an earlier pull are still held: {', '.join(held)}."] if held else []
    if what:
        is_request = not held and all(isinstance(error, ConfigError) for error in errors.values())
        raise (ConfigError if is_request else YidangError)(" ".join(what), "See the messages above.")


@app.command("new-department")
def new_department(
    name: Annotated[str, typer.Argument(help="Its id: lower-case letters, digits and _; raw_<id> will hold its rows.")],
    like: Annotated[str | None, typer.Option(help="spgl: it speaks the national exchange standard.")] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL", help="Look there: a database's URL, an API's answer, a CSV or XLSX file."
        ),
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Databases: where its tables lie.")] = None,
    tables: Annotated[
        list[str] | None, typer.Option("--table", help="Databases: only this table (several times). Others: its name.")
    ] = None,
    token_env: Annotated[str | None, typer.Option(help="APIs: the variable that holds the bearer token.")] = None,
) -> None:
    """Write the first draft of a department: its YAML and, from a look at the source, checks and thin models.

    Every guess that a person must check says TODO. Nothing that exists is overwritten. The URL goes into secrets.json;
    '${NAME}' as the URL takes it from a secret, so that no password stands on the command line.
    """
    from yidang import new_department as drafts

    settings = settings_module.load()
    if (like is None) == (origin is None):
        raise ConfigError(
            "Say how to begin: --like or --from.",
            "yidang new-department jiaotong --like spgl   or   yidang new-department yuanlin --from FILE.csv",
        )
    if like:
        if tables or token_env:
            raise ConfigError("--like looks at no source.", "Leave out --table and --token-env.")
        draft = drafts.like(settings, name, like, schema)
    else:
        draft = drafts.look_and_draft(
            settings, name, origin, schema=schema, tables=tables or [], token_secret=token_env
        )
    for file in draft.files:
        typer.echo(f"✓ {file}")
    for sentence in draft.said:
        typer.echo(f"  {sentence}")
    typer.echo(f"{draft.todos} TODOs are for you. Then:")
    for command in draft.following:
        typer.echo(f"  {command}")


@app.command()
def build(
    as_of: AsOf = None,
    select: Annotated[str | None, typer.Option(help="dbt selection, e.g. fct_stage+.")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Compute everything, not only changes.")] = False,
) -> None:
    """Build staging, intermediate and marts with dbt, as of a date (default: YIDANG_AS_OF, the demo's day, today).

    The marts are rewritten: dashboards and reports show that day from then on.
    """
    from yidang.build import build as run_build

    settings = settings_module.load()
    day = settings.as_of(date_of(as_of))
    result = run_build(settings, as_of=day, select=select, full_refresh=full_refresh)
    how_much = f"everything: {result.full_refresh}" if result.full_refresh else "what changed"
    typer.echo(
        f"✓ as of {day}: {result.passed} passed, {result.warned} warned, {result.failed} failed"
        f"  ({result.seconds:.1f} s; computed {how_much})"
    )
    for warning in result.warnings:
        typer.echo(f"  ! {warning}", err=True)
    if result.warnings_raised:
        typer.echo(f"  {result.warnings_raised} new warnings about cases wait to be sent: yidang warnings list")


@warnings_app.command("list")
def warnings_list(
    everything: Annotated[bool, typer.Option("--all", help="Also what has ended and what need not be sent.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Each message about a warning that stands: sent, waiting, without a receiver, given up; and who answered."""
    from yidang.warning import listing

    found = listing.entries(settings_module.load(), everything=everything)
    for entry in found:
        typer.echo(json.dumps(asdict(entry), ensure_ascii=False, default=str) if as_json else str(entry))
    if not found and not as_json:
        typer.echo("No warning stands.")


@warnings_app.command("send")
def warnings_send() -> None:
    """Send what waits in the outbox by the channels of warnings.yml; nothing on a closed day."""
    from yidang.warning import send as sender

    sent = sender.send(settings_module.load())
    counts = ", ".join(f"{count} {state}" for state, count in sorted(sent.counts.items())) or "nothing waits"
    mark = "!" if set(sent.counts) & {"no_receiver", "dead"} else "✓"
    typer.echo("Today is no working day: nothing is sent." if sent.closed_day else f"{mark} {counts}")
    for (channel, reason), count in sorted(sent.failures.items()):
        typer.echo(f"  ! {channel}: {count} × {reason}", err=True)


@warnings_app.command("retry")
def warnings_retry() -> None:
    """Put messages that were given up back into the queue, for example after mending a channel."""
    from yidang.warning import send as sender

    typer.echo(f"✓ {sender.retry(settings_module.load())} messages wait again. Now run: yidang warnings send")


@warnings_app.command("serve")
def warnings_serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a reverse proxy with TLS before it.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Default: the fifth after YIDANG_PORT_BASE.")] = None,
) -> None:
    """Serve the form that the messages link to, until stopped."""
    from yidang.warning import form

    form.serve(settings_module.load(), host, port)


@superset_app.command("check")
def superset_check() -> None:
    """Follow every link of superset/assets: dashboard, chart, dataset, dbt model, column, metric. Needs no server."""
    from yidang import superset_check

    settings = settings_module.load()
    assets = superset_check.load(settings)
    broken = superset_check.check(settings, assets)
    for one in broken:
        typer.echo(f"✗ {one}", err=True)
    if broken:
        raise typer.Exit(1)
    counts = ", ".join(f"{len(assets.kind(kind))} {kind}" for kind in ("dashboards", "charts", "datasets"))
    typer.echo(f"✓ every link holds: {counts}")


@superset_app.command("apply")
def superset_apply() -> None:
    """Import superset/assets into Superset by UUID, delete what is in no file any more, keep what people made.

    A chart of ours that was changed in the browser becomes what its file says.
    """
    from yidang.services import superset

    settings = settings_module.load()
    was_served = superset.is_healthy(settings)
    changed = superset.prepare(settings)
    if was_served:
        superset.serve(settings)
    typer.echo("✓ imported" if changed else "✓ nothing to do: Superset has what the files say")


@superset_app.command("serve")
def superset_serve() -> None:
    """Import superset/assets and serve the dashboards of what is built, without Airflow; `yidang stop` ends it."""
    from yidang.services import superset

    settings = settings_module.load()
    superset.start(settings)
    superset.clear_cache(settings)
    typer.echo(f"✓ {superset.url(settings)}superset/dashboard/overview/")
    typer.echo(f"  login admin, or viewer; passwords: YIDANG_SUPERSET_ADMIN_PASSWORD, … in {settings.secrets_file}")


@user_app.command("add")
def superset_user_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the person logs in with.")],
    role: Annotated[str, typer.Option("--role", help="As in superset/access.yaml: 经办人, or handler.")],
    department: Annotated[list[str] | None, typer.Option("--department", metavar="ID", help="E.g. zhujian.")] = None,
    region: Annotated[list[str] | None, typer.Option("--region", metavar="CODE", help="Or `all`.")] = None,
    mail: Annotated[str | None, typer.Option("--mail", metavar="ADDRESS", help="Where own subscriptions go.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Write the password there (mode 600), not to the screen.")
    ] = None,
) -> None:
    """Make an account, or open a shut one again, with a new password that is shown once. --department may be repeated.

    Superset cannot force a change of password: the person changes it under 个人信息 → 重置密码.
    """
    from yidang.services import superset_accounts

    settings = settings_module.load()
    person = superset_accounts.Person(name, role, department or [], region or [], mail)
    with _secret_file(password_file) if password_file else nullcontext() as file:
        password = superset_accounts.add(settings, [person])[name]
        if file:
            file.write(f"{password}\n")
    typer.echo(f"✓ {name}: its password is {f'in {password_file}' if password_file else password}")


@user_app.command("import")
def superset_user_import(
    path: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="name,role,departments,regions,mail; several parted by `;`.")
    ],
    password_file: Annotated[
        Path, typer.Option("--password-file", help="Where their passwords go (mode 600), as name,password.")
    ],
) -> None:
    """Make the accounts of a whole list in one go. Every row is checked before the first account is made."""
    from yidang.services import superset_accounts

    settings = settings_module.load()
    with _secret_file(password_file) as file:
        passwords = superset_accounts.add(settings, superset_accounts.read_people(settings, path))
        file.writelines(f"{name},{password}\n" for name, password in [("name", "password"), *passwords.items()])
    typer.echo(f"✓ {len(passwords)} accounts: their passwords are in {password_file}")


@contextmanager
def _secret_file(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner reads, open before there is a secret that could be lost; gone if none comes."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} is there already.", "Name a file that is not.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink()
        raise


@user_app.command("list")
def superset_user_list() -> None:
    """Every account: role, departments, regions, last login."""
    from yidang.services import superset_accounts

    for account in superset_accounts.accounts(settings_module.load()):
        shown = ["、".join(account.roles) or "—", ", ".join(account.departments + account.regions) or "—"]
        seen = f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else "never logged in"
        typer.echo("\t".join([account.name, *shown, seen if account.is_active else "shut"]))


@user_app.command("remove")
def superset_user_remove(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Shut an account: no login, no roles; pages that are open end. Its name stays, for the log."""
    from yidang.services import superset_accounts

    superset_accounts.remove(settings_module.load(), name)
    typer.echo(f"✓ {name} is shut")


@subscriptions_app.command("list")
def superset_subscriptions_list() -> None:
    """Name, owner, dashboard, when, recipients, what came of the last try, next time; `!` before one that is off."""
    from yidang import subscriptions

    found = subscriptions.subscriptions(settings_module.load())
    for one in found:
        last = f"{one.last:%Y-%m-%d %H:%M} {one.state} {one.said}".strip() if one.last else "never sent"
        following = f"next {one.next:%Y-%m-%d %H:%M}" if one.is_active else "off"
        shown = [", ".join(one.owners) or "—", one.dashboard or "—", f"{one.crontab} {one.timezone}"]
        name = one.name if one.is_active else f"! {one.name}"
        typer.echo("\t".join([name, *shown, f"{one.recipients} recipients", last, following]))
    if not found:
        typer.echo("Nobody has subscribed to anything: Superset → 设置 → 告警和报告.", err=True)


@subscriptions_app.command("send")
def superset_subscriptions_send(
    now: Annotated[str | None, typer.Option("--now", metavar="NAME", help="Only this one, due or not.")] = None,
) -> None:
    """Send what is due, each as its owner sees it. Airflow does so every ten minutes."""
    from yidang import subscriptions

    results = subscriptions.send(settings_module.load(), now)
    for one in results:
        typer.echo(f"{'✓' if one['result'] == 'sent' else '!'} {one['name']}: {one['result']} {one['said']}".rstrip())
    if not results:
        typer.echo("✓ nothing is due")


@superset_app.command("audit")
def superset_audit(
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How far back.")] = 30,
) -> None:
    """Who took which data out of Superset as a file or by mail: time, account, kind, bytes, what."""
    from yidang.services import superset_accounts

    found = superset_accounts.exports(settings_module.load(), days)
    for one in found:
        size = "—" if one.size is None else f"{one.size}"
        typer.echo("\t".join([f"{one.at:%Y-%m-%d %H:%M}", one.account, one.kind, size, one.what]))
    if not found:
        typer.echo(f"Nothing was exported in the last {days} days.", err=True)


@superset_app.command("export")
def superset_export(
    dashboard: Annotated[
        list[str] | None,
        typer.Option(help="Adopt somebody's own dashboard too: slug or number, as in its address. May be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the diff.")] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Also delete files of what was deleted in Superset.")
    ] = False,
) -> None:
    """Bring what was changed in the browser back into superset/assets, as a diff to read and commit.

    Takes our dashboards with what is on them, also charts that people added. Everything else of theirs is left alone.
    """
    from yidang import superset_check, superset_export

    settings = settings_module.load()
    result = superset_export.export(settings, dashboard or [], dry_run=dry_run, delete=delete)
    for change in result.changes:
        if dry_run:
            typer.echo("".join(change.diff()), nl=False)
        added, removed = change.counts()
        what = "new" if change.before is None else "deleted" if change.after is None else f"+{added} -{removed}"
        typer.echo(f"{'  would change' if dry_run else '✓'} superset/assets/{change.path}  {what}")
    for note in result.notes:
        typer.echo(f"! {note}", err=True)
    if result.changes:
        for one in superset_check.check(settings, result.assets):
            typer.echo(f"✗ yidang superset check: {one}", err=True)
    else:
        typer.echo("✓ nothing to do: the files say what Superset has")


@superset_app.command("touched")
def superset_touched(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="dbt models, e.g. int_cases; or path:FILE.")],
) -> None:
    """Which dashboards and charts stand on these dbt models, directly or by models in between."""
    from yidang import build, superset_check

    settings = settings_module.load()
    found = superset_check.touched(superset_check.load(settings), build.downstream(settings, models))
    for dashboard, charts in found.items():
        typer.echo(dashboard)
        for chart in charts:
            typer.echo(f"  {chart}")
    if not found:
        typer.echo("No dashboard stands on " + ", ".join(models) + ".")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Any dbt command with this project's connection and variables: yidang dbt test -s fct_stage"""
    from yidang.build import run_dbt

    settings = settings_module.load()
    raise typer.Exit(0 if run_dbt(settings, context.args, settings.as_of()) else 1)


@app.command()
def sql(query: Annotated[str, typer.Argument(help="One SELECT; the schema `marts` is on the search path.")]) -> None:
    """Run a query with the read-only role and print CSV."""
    from yidang.query import write_csv

    write_csv(settings_module.load(), query, sys.stdout.buffer)


@app.command()
def metrics() -> None:
    """Write docs/指标口径.md anew from the metric definitions."""
    from yidang import metric_page

    settings = settings_module.load()
    metric_page.path(settings).write_text(metric_page.render(settings), encoding="utf-8")
    typer.echo(f"✓ {metric_page.path(settings)}")


@app.command()
def district(
    like: Annotated[
        str, typer.Option(help="yunxi, or after a source case: pukou, keqiao, gaoping, loop, baoan (docs/cases/).")
    ] = "yunxi",
    projects: Annotated[
        int | None, typer.Option(min=1, help="How many projects (default: the district's own).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same world (default: the demo's).")] = None,
    start: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="First day.")] = None,
    end: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day that is visible.")] = None,
) -> None:
    """Make up a district: a truth and eight departments' own systems that hold it, dirt and all; start PostgreSQL."""
    from yidang import contracts, landing
    from yidang import district as made_up
    from yidang.services import district as servers
    from yidang.services import warehouse

    if like not in made_up.PROFILES:
        raise ConfigError(f"There is no district {like}.", f"Choose one of {', '.join(made_up.PROFILES)}.")
    profile = made_up.PROFILES[like]
    last_day = date_of(end) if end else profile.end
    settings = settings_module.load()
    warehouse.start(settings)
    servers.prepare_secrets(settings)
    servers.start(settings)
    summary = made_up.generate(
        settings,
        seed=made_up.SEED if seed is None else seed,
        projects=projects or profile.projects,
        start=date_of(start) if start else profile.start,
        end=last_day,
        profile=profile,
        is_landed=lambda: landing.has_landed(settings, contracts.example_departments(settings)),
    )
    settings.as_of_file.write_text(f"{last_day}\n", encoding="utf-8")  # in this district, that is today
    typer.echo(f"{summary}\nNext: yidang pull --all, then yidang build (as of {last_day}).")


@clock_app.command("try")
def clock_try(
    file: Annotated[Path, typer.Argument(help="CSV with id, events, statutory_days, promised_days, as_of.")],
    output: Annotated[Path | None, typer.Option(help="CSV to write; default: the terminal.")] = None,
) -> None:
    """Compute cases of a CSV file with the same models, in a scratch database that is dropped at the end.

    events: a JSON list such as [{"kind": "accepted", "at": "2025-03-03T10:00:00"}, …]; an `extended` one may carry days
    and document. Limits in working days. Loaded calendar notices count.

    CSV goes to stdout or --output; what it is doing and notes go to stderr. In the facts (fct_item_instance), `color`
    is pace_colour, the palette's colour of pace_state (ahead, normal, late), and `alert` is alert_state.
    """
    from yidang.clock.try_cases import try_file

    count = try_file(settings_module.load(), file, output, sys.stdout)
    if output:
        typer.echo(f"✓ {count:,} cases: {output}")


@clock_app.command("explain")
def clock_explain(
    case: Annotated[str, typer.Argument(metavar="CASE", help="A case_id, or a department's own code of the case.")],
) -> None:
    """Show a case's events, then every day from acceptance to decision with what it counts on both clocks."""
    from yidang.clock.explain import explain, render

    render(explain(settings_module.load(), case))


@calendar_app.command("load")
def calendar_load(
    file: Annotated[Path, typer.Argument(help="CSV with year, notice, published_on, date, is_working, name.")],
    district: Annotated[
        bool, typer.Option("--district", help="The district's own rules, not a national notice.")
    ] = False,
) -> None:
    """Load a year's holiday notice: one row per day off (is_working false) and per make-up day (调休, true).

    Append-only: the notice published last governs its year. The next build counts everything anew.
    """
    from yidang.calendar import load

    notice, is_new = load(settings_module.load(), file, "district" if district else "national")
    said = f"{notice.notice}: {len(notice.days)} days of {notice.year}"
    typer.echo(f"✓ {said}. Now run: yidang build" if is_new else f"{said}, loaded before; nothing changes.")


@calendar_app.command("show")
def calendar_show(
    year: Annotated[int | None, typer.Argument(help="A year: its holidays and make-up days.")] = None,
) -> None:
    """Show the calendar that the figures are counted by, and the notices that were loaded."""
    from yidang.calendar import show

    show(settings_module.load(), year)


@corrections_app.command("load")
def corrections_load(
    file: Annotated[
        Path, typer.Argument(help="CSV with entity, key, field, old_value, new_value, reason, editor, date.")
    ],
) -> None:
    """Check and land a file of corrections; the next build applies those whose old value still stands."""
    from yidang.corrections import load

    result = load(settings_module.load(), file)
    if result.batch_id is None:
        typer.echo(f"✓ {file}: loaded before, nothing added")
    else:
        typer.echo(
            f"✓ {file}: {result.count:,} corrections landed as batch {result.batch_id}; `yidang build` applies them"
        )


@quarantine_app.command("list")
def quarantine_list(department: Annotated[str | None, typer.Argument(help="Only of this department.")] = None) -> None:
    """What lies in quarantine, by department, table and rule; and the batches that are held as a whole."""
    from yidang.gate import quarantine

    settings = _with_ledger()
    known = quarantine.department_id(settings, department) if department else None
    entries, held = quarantine.entries(settings, known), quarantine.held(settings, known)
    for entry in entries:
        effect = "kept out" if entry.severity == "fail" else "warning"
        typer.echo(f"{entry.department}.{entry.table}  {entry.rows:,} × {entry.reason}  ({effect}; {entry.rule})")
    for batch in held:
        typer.echo(f"{batch.department}.{batch.table}  {batch}; {batch.rows:,} rows wait")
    if not entries and not held:
        typer.echo("Nothing lies in quarantine and no batch is held.")


@quarantine_app.command("show")
def quarantine_show(
    department: Annotated[str, typer.Argument(help="A department's id.")],
    table: Annotated[str, typer.Argument(help="One of its tables.")],
    rule: Annotated[str | None, typer.Option(help="Only rows that break this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
) -> None:
    """The rows themselves, one JSON object per line: where it stands, the rule, the reason, the values as they came."""
    from yidang import contracts
    from yidang.gate import quarantine

    settings = _with_ledger()
    shown, total = quarantine.rows(settings, contracts.load_department(settings, department), table, rule, limit)
    for row in shown:
        typer.echo(json.dumps(asdict(row), ensure_ascii=False))
    if not total:
        typer.echo("Nothing of this table lies in quarantine.", err=True)
    elif total > len(shown):
        typer.echo(f"{total - len(shown):,} more are not shown; to see all: --limit {total}", err=True)


@quarantine_app.command("replay")
def quarantine_replay(
    department: Annotated[str, typer.Argument(help="A department's id.")],
    table: Annotated[str | None, typer.Argument(help="Only this table.")] = None,
    batch: Annotated[int | None, typer.Option(help="Only this batch.")] = None,
) -> None:
    """Judge held batches and quarantined rows again by the suites as they are now, for example after mending one.

    Rows that were corrected at the source need no replay: the next pull brings them as new rows.
    """
    from yidang import contracts, gate
    from yidang.gate import quarantine

    settings = _with_ledger()
    judged = quarantine.replay(settings, contracts.load_department(settings, department), table, batch)
    typer.echo(f"✓ {department}: {gate.in_words(judged)}. Now run: yidang build")
    for result in judged:
        if result.reason:
            typer.echo(f"  ! {result.reason}")


@quarantine_app.command("release")
def quarantine_release(
    batch: Annotated[int, typer.Argument(help="Number of a held batch.")],
    reason: Annotated[str, typer.Option(help="Why it is right; kept with your name.")],
) -> None:
    """Let a held batch through. Its rows that fail a rule stay out; the rest counts from the next build on."""
    from yidang.gate import quarantine

    quarantine.release(_with_ledger(), batch, reason)
    typer.echo(f"✓ batch {batch} passes. Now run: yidang build")


@process_app.command("graph")
def process_graph(
    flow_type: Annotated[str | None, typer.Option(help="Items of the 工程 of one flow type, e.g. 3.")] = None,
    item: Annotated[str | None, typer.Option(help="Steps within the cases of one item, e.g. ZG04.")] = None,
    least: Annotated[int, typer.Option(min=1, help="Leave out what happened fewer times.")] = 10,
) -> None:
    """Print a directly-follows graph as Mermaid text; without an option, of all 工程."""
    from yidang.process import graph

    typer.echo(graph(settings_module.load(), flow_type=flow_type, item=item, least=least))


@process_app.command("plan")
def process_plan(
    project: Annotated[str, typer.Argument(metavar="PROJECT_CODE", help="Project code, as in fct_project_plan.")],
) -> None:
    """Print a project's own flow plan as Mermaid text: planned dates, what came, what waits for what."""
    from yidang.process import plan

    typer.echo(plan(settings_module.load(), project))


@process_app.command("what-if")
def process_what_if(
    flow_type: Annotated[
        str | None, typer.Option(metavar="NAME", help="One flow type by name or code; without it, all and each.")
    ] = None,
) -> None:
    """Print how long finished 工程 would have taken if…: 测算（模拟，不是实测）, with intervals."""
    from yidang.what_if import said

    typer.echo(said(settings_module.load(), flow_type=flow_type))


@docs_app.command("site")
def docs_site() -> None:
    """Write the dbt docs site (models, columns, tests, lineage) as one file to .yidang/docs, from a built warehouse."""
    from yidang.docs_site import generate

    typer.echo(f"✓ {generate(settings_module.load())}")


@docs_app.command("dictionary")
def docs_dictionary() -> None:
    """Write docs/dictionary.md anew: columns, Chinese names, units, codes of the national standard."""
    from yidang import dictionary

    settings = settings_module.load()
    dictionary.path(settings).write_text(dictionary.markdown(settings), encoding="utf-8")
    typer.echo(f"✓ {dictionary.path(settings)}")


@policy_app.command("show")
def policy_show() -> None:
    """The switches as they are. Change them in dbt_project/dbt_project.yml; the next build counts everything anew."""
    from yidang.clock.policy import current

    for name, value in current(settings_module.load()).items():
        typer.echo(f"{name}={str(value).lower()}")


@policy_app.command("diff")
def policy_diff(
    switches: Annotated[list[str], typer.Argument(metavar="SWITCH=VALUE", help="closed_day_acceptance=roll_forward …")],
    as_of: AsOf = None,
    output: Annotated[Path | None, typer.Option(help="CSV with every case and column that differs.")] = None,
) -> None:
    """List what another switch would change, case by case, and the figures before and after.

    Built twice beside the real marts, which stay as they are.
    """
    from yidang.clock.policy import diff, parse, render, write_csv

    settings = settings_module.load()
    if output and not output.parent.is_dir():
        raise ConfigError(f"{output} cannot be the output.", "Name a file in a folder that exists.")
    found = diff(settings, parse(switches), settings.as_of(date_of(as_of)))
    render(found)
    if output:
        typer.echo(f"✓ {write_csv(found, output):,} rows: {output}")


def _with_ledger() -> settings_module.Settings:
    """The settings, once the ledger is there; a warehouse that does not answer is said in words."""
    from yidang import landing

    settings = settings_module.load()
    landing.ensure_landing(settings, [])
    return settings


def main() -> None:
    try:
        app()
    except YidangError as error:
        typer.echo(f"✗ {error}", err=True)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
