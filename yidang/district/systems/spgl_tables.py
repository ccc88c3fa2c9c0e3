"""Columns of the national exchange standard 2.0, lower-case, with PostgreSQL types."""

from __future__ import annotations

from yidang.district.systems.copying import columns

_KEY = {"lsh": "bigint primary key", "dfsjzj": "text", "xzqhdm": "text"}
_HOUSEKEEPING = {
    "sjyxbs": "smallint",
    "sjwxyy": "text",
    "sbyy": "text",
    "gxsj": "date",
    "sjsczt": "smallint",
    "scsj": "timestamp",
}


def _columns(text: str) -> dict[str, str]:
    """A table's own columns, between the key and the housekeeping columns every table has."""
    return {**_KEY, **columns(text), **_HOUSEKEEPING}


TABLES = {
    "spgl_dfxmsplcxxb": _columns(
        "splcbm splcmc splcbbh:numeric splcsxsj:date splclx:integer splcsm fjmc fjlx fjid",
    ),
    "spgl_dfxmsplcjdxxb": _columns(
        "splcbm splcbbh:numeric spjdbm spjdmc spjdxh:integer dybzspjdxh spjdsx:integer lcbsxlx:integer",
    ),
    "spgl_dfxmsplcjdsxxxb": _columns(
        "splcbm splcbbh:numeric spjdxh:integer spsxbm spsxbbh:numeric spsxmc dybzspsxbm sfsxgzcnz:integer bjlx:integer"
        " sqdx:integer bljgsdfs spsxblsx:integer spbmbm spbmmc qzspsxbm sflcbsx:integer",
    ),
    "spgl_xmjbxxb": _columns(
        "xmdm xmmc gcdm gcfw qjdgcdm xmtzly:integer tdhqfs:integer tdsfdsjfa:integer sfwcqypg:integer splclx:integer"
        " lxlx:integer gcfl:integer jsxz:integer xmzjsx:integer gbhydmfbnd gbhy nkgsj:date njcsj:date xmsfwqbj:integer"
        " xmwqbjsj:date ztze:numeric jsddxzqh jsdd xmjsddx:numeric xmjsddy:numeric jsgmjnr ydmj:numeric jzmj:numeric"
        " sbsj:timestamp splcbm splcbbh:numeric",
    ),
    "spgl_xmdwxxb": _columns("gcdm xmdm dwtyshxydm dwmc dwlx:integer"),
    "spgl_xmspsxblxxb": _columns(
        "gcdm spsxbm spsxbbh:numeric splcbm splcbbh:numeric spsxslbm spbmbm spbmmc slfs:integer gkfs:integer blspslbm"
        " sxblsx:integer",
    ),
    "spgl_xmspsxblxxxxb": _columns("gcdm spsxslbm blcs blr blzt:integer blyj blsj:timestamp"),
    "spgl_xmspsxbltbcxxxb": _columns(
        "gcdm spsxslbm tbcx:integer tbcxmc tbcxkssj:timestamp tbcxsxlx:integer tbcxsx:integer"
    ),
    "spgl_xmspsxpfwjxxb": _columns("gcdm spsxslbm pfrq:date pfwh pfwjbt pfwjyxqx:date fjmc fjlx fjid"),
}
