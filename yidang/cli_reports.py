"""The commands `yidang report …` and `yidang trace`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yidang import settings as settings_module
from yidang.cli_options import AsOf, date_of, month_of

if TYPE_CHECKING:
    from yidang.reports.archive import ReportFiles


class TemplateKind(StrEnum):
    ANNUAL = "annual"
    BULLETIN = "bulletin"
    CONGRESS = "congress"
    PROJECT = "project"


report_app = typer.Typer(help="Write documents (.docx, and .pdf where LibreOffice is installed).", no_args_is_help=True)
ReportFolder = Annotated[Path | None, typer.Option("--output-dir", help="Default: a folder of .yidang/reports.")]
Template = Annotated[
    Path | None,
    typer.Option(help="Word file to fill. Default: .yidang/templates/KIND.docx if there is one, else ours."),
]


@report_app.command("annual")
def report_annual(
    year: Annotated[int, typer.Option(help="The year reported on.")],
    as_of: AsOf = None,
    template: Template = None,
    output_dir: ReportFolder = None,
) -> None:
    """年度改革报告: the annual reform report."""
    from yidang.reports.annual import write_annual_report

    _say_files(
        write_annual_report(
            settings_module.load(), year=year, as_of=date_of(as_of), template=template, output_dir=output_dir
        )
    )


@report_app.command("bulletin")
def report_bulletin(
    month: Annotated[str, typer.Option(help="The month reported on, YYYY-MM.")],
    as_of: AsOf = None,
    template: Template = None,
    output_dir: ReportFolder = None,
) -> None:
    """月度通报: the monthly bulletin, as of the month's last day unless another is given."""
    from yidang.reports.bulletin import write_bulletin

    _say_files(
        write_bulletin(
            settings_module.load(),
            month=month_of(month),
            as_of=date_of(as_of),
            template=template,
            output_dir=output_dir,
        )
    )


@report_app.command("congress")
def report_congress(as_of: AsOf = None, template: Template = None, output_dir: ReportFolder = None) -> None:
    """向人大常委会的报告: the report to the People's Congress, on the year up to a day; a person edits its prose."""
    from yidang.reports.congress import write_congress_report

    _say_files(
        write_congress_report(settings_module.load(), as_of=date_of(as_of), template=template, output_dir=output_dir)
    )


@report_app.command("project")
def report_project(
    code: Annotated[str, typer.Argument(help="Project code.")],
    as_of: AsOf = None,
    template: Template = None,
    output_dir: ReportFolder = None,
) -> None:
    """项目档案: everything known of one project on a few pages."""
    from yidang.reports.project_file import write_project_file

    _say_files(
        write_project_file(
            settings_module.load(), code=code, as_of=date_of(as_of), template=template, output_dir=output_dir
        )
    )


@report_app.command("projects")
def report_projects(
    major: Annotated[bool, typer.Option("--major", help="Only of major projects.")] = False,
) -> None:
    """项目档案 of every project, as .docx; those that show nothing new are left as they are."""
    from yidang.reports.project_file import write_project_files

    settings = settings_module.load()
    count = write_project_files(settings, major_only=major)
    typer.echo(f"{count} project files are up to date in {settings.reports_dir / 'projects'}")


@report_app.command("template")
def report_template(
    kind: Annotated[TemplateKind, typer.Argument(help="Of which document.")],
    output: Annotated[
        Path | None, typer.Option(help="Default: .yidang/templates/KIND.docx, where reports look.")
    ] = None,
) -> None:
    """Write the standard template as a Word file for the office to edit; what tags may say: docs/templates.md."""
    from yidang.reports import documents

    path = output or documents.template_file(settings_module.load(), kind.value)
    documents.write_template(kind.value, path)
    typer.echo(str(path))


@report_app.command("verify")
def report_verify(
    file: Annotated[Path, typer.Argument(help="A .docx in the archive (.yidang/reports).")],
) -> None:
    """Write an issued report again from raw as it was, and say whether it is identical or what differs."""
    from yidang.reports.verify import verify

    verdict = verify(settings_module.load(), file)
    for line in verdict.differences or ["identical"]:
        typer.echo(line)
    for line in verdict.remarks:
        typer.echo(f"changed since: {line}")
    raise typer.Exit(1 if verdict.differences else 0)


def trace(
    report: Annotated[Path, typer.Argument(help="A .docx in the archive (.yidang/reports).")],
    figure: Annotated[str, typer.Argument(help="The id of a number, such as F012: its bookmark in the document.")],
) -> None:
    """What stands behind one number of a report: metric, slice, n, what is left out, SQL, and every case."""
    from yidang.reports.trace import lines

    for line in lines(settings_module.load(), report, figure):
        typer.echo(line)


def _say_files(files: ReportFiles) -> None:
    for line in (files.docx, files.pdf, files.note):
        if line:
            typer.echo(str(line))
