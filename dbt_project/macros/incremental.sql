{#-
  Incremental builds (docs/architecture.md). A model keyed by case or project is

      materialized='incremental', incremental_strategy='replace_changed', unique_key='case_id' (or 'project_code')

  and filters the CTE it is driven by with {{ only_changed('case_id') }}: a full refresh computes every row, a nightly
  build only those of int_changed_cases (int_changed_projects), and the strategy replaces exactly these. What decides
  which these are is computed whole and written with the strategy write_differences. Where rows stay as they are while a
  case merely grows older, fewer are enough: only_changed('case_id', among='int_stirred_cases') (or 'project_code' and
  'int_stirred_projects'), and meta.among the same.
-#}
{% macro only_changed(key, alias=none, among=none) -%}
{%- set changed = ref(among) if among else changed_relation(key) -%}
{%- if not var('only_changed', false) -%}
true
{%- elif execute and model.config.materialized == 'incremental' and not is_incremental() -%}
{{ exceptions.raise_compiler_error(this ~ " is not there to be changed: yidang build --full-refresh") }}
{%- else -%}
{{ alias ~ '.' if alias else '' }}{{ key }} in (select {{ key }} from {{ changed }})
{%- endif -%}
{%- endmacro %}

{% macro changed_relation(key) -%}
{%- if key == 'case_id' -%}{{ ref('int_changed_cases') }}
{%- elif key == 'project_code' -%}{{ ref('int_changed_projects') }}
{%- else -%}{{ exceptions.raise_compiler_error("replace_changed knows case_id and project_code, not " ~ key) }}
{%- endif -%}
{%- endmacro %}

{#- The changed keys where only they are to be read, else none. -#}
{% macro about_changed(key, among=none) -%}
{%- set changed = ref(among) if among else changed_relation(key) -%}
{{ return(changed if var('only_changed', false) else none) }}
{%- endmacro %}

{#- Instead of dbt's own, which asks the configuration: that is read once, for builds of both kinds. -#}
{% macro should_full_refresh() -%}
{{ return(flags.FULL_REFRESH or (model.resource_type == 'model' and not var('only_changed', false))) }}
{%- endmacro %}

{#-
  Rows of a changed key go, whether it still has rows or not; what the model made of the changed keys comes. A model that
  others count (meta.keeps_former: whose keys they read) leaves the rows that these had in a table of their own until the
  next build.
-#}
{% macro get_incremental_replace_changed_sql(arguments) -%}
{%- set key = arguments.unique_key -%}
{%- set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) -%}
{%- set meta = config.get('meta', {}) -%}
{%- set changed = ref(meta.among) if meta.among else changed_relation(key) -%}
{%- if meta.keeps_former %}
drop table if exists {{ former(arguments.target_relation) }};

create unlogged table {{ former(arguments.target_relation) }} as
select *
from {{ arguments.target_relation }}
where {{ key }} in (select {{ key }} from {{ ref(meta.keeps_former) }});

analyze {{ former(arguments.target_relation) }};

{% endif -%}
delete from {{ arguments.target_relation }}
where {{ key }} in (select {{ key }} from {{ changed }});

insert into {{ arguments.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arguments.temp_relation }};
{%- endmacro %}

{%- macro former(relation) -%}{{ relation.include(identifier=false) }}.former_{{ relation.identifier }}{%- endmacro -%}

{#-
  Counts over millions of rows follow what changed too: config incremental_strategy='add_counts', meta.counts (columns of
  whole numbers; the first is how many rows there are). The model reads what it counts by {{ signed_rows('model', key) }}
  and counts `sign` instead of rows. A full refresh counts every row once; otherwise the rows of the changed keys come
  twice, as they are (1) and as they were (-1), and what the model makes of them is added to the counts that stand.
-#}
{% macro signed_rows(model, key, among=none) -%}
select
        rows.*,
        1 as sign
    from {{ ref(model) }} as rows
    where {{ only_changed(key, among=among) }}
    {%- if var('only_changed', false) %}
    union all
    select
        rows.*,
        -1 as sign
    from {{ former(ref(model)) }} as rows
    {%- endif %}
{%- endmacro %}

{% macro get_incremental_add_counts_sql(arguments) -%}
{%- set names = arguments.dest_columns | map(attribute='name') | list -%}
{%- set counts = config.get('meta').counts -%}
create temporary table counted on commit drop as
select
    {%- for column in arguments.dest_columns %}
    {{ 'sum(' ~ column.name ~ ')::' ~ column.data_type if column.name in counts else column.name }} as {{ column.name }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from (
    select {{ names | join(', ') }} from {{ arguments.target_relation }}
    union all
    select {{ names | join(', ') }} from {{ arguments.temp_relation }}
) as counts
group by {{ names | reject('in', counts) | join(', ') }}
having sum({{ counts[0] }}) != 0;

truncate {{ arguments.target_relation }};

insert into {{ arguments.target_relation }} ({{ names | join(', ') }})
select {{ names | join(', ') }}
from counted;
{%- endmacro %}

{#-
  A table that is small, or whose rows hang on others': computed whole each time, but only what differs from the last
  build is written, and noted in intermediate.changed_row (both what was and what is). unique_key: the column whose rows
  are replaced together. A model that computes only the rows of some keys names the model of these keys (meta.among).
-#}
{% macro get_incremental_write_differences_sql(arguments) -%}
{%- set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) -%}
{%- set key = "coalesce(" ~ arguments.unique_key ~ ", '')" -%}
{%- set among = config.get('meta', {}).get('among') -%}
{%- set former -%}
    select {{ columns }} from {{ arguments.target_relation }}
    {%- if among %}
    where {{ arguments.unique_key }} in (select {{ arguments.unique_key }} from {{ ref(among) }})
    {%- endif %}
{%- endset -%}
create temporary table differing on commit drop as
(
    select {{ columns }} from {{ arguments.temp_relation }}
    except all
    {{ former }}
)
union all
(
    {{ former }}
    except all
    select {{ columns }} from {{ arguments.temp_relation }}
);

insert into {{ arguments.target_relation.include(identifier=false) }}.changed_row (table_name, key, content)
select '{{ arguments.target_relation.identifier }}', {{ key }}, to_jsonb(differing)
from differing;

delete from {{ arguments.target_relation }}
where {{ key }} in (select {{ key }} from differing);

insert into {{ arguments.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arguments.temp_relation }}
where {{ key }} in (select {{ key }} from differing);
{%- endmacro %}

{#- Rows that this build found to differ: key, content (jsonb). Only for models that come after `model`. -#}
{% macro changed_rows(model) -%}
(
    select key, content
    from {{ ref(model).include(identifier=false) }}.changed_row
    where table_name = '{{ ref(model).identifier }}'
)
{%- endmacro %}

{#- The day of the last build. -#}
{% macro previous_as_of() -%}date '{{ var('previous_as_of') or var('as_of') }}'{%- endmacro %}

{#- Lies it between the day of the last build and the day of this one, so that one of them knows of it and one does not? -#}
{% macro between_days(moment) -%}
({{ moment }}::date > least({{ previous_as_of() }}, {{ as_of() }})
    and {{ moment }}::date <= greatest({{ previous_as_of() }}, {{ as_of() }}))
{%- endmacro %}

{#- May the catalogue say otherwise than in the last build: an item changed, or a version began or ended on these days? -#}
{% macro catalogue_differs() -%}
(
    exists (select 1 from {{ changed_rows('int_items') }} as changed_item)
    or exists (
        select 1
        from {{ ref('int_items') }} as dated_item
        where {{ between_days('dated_item.effective_from') }} or {{ between_days('(dated_item.effective_to + 1)') }}
    )
)
{%- endmacro %}

{#- A table as the last build left it, for what decides what must change; ref() would be a circle. -#}
{% macro previous(table) -%}{{ this.include(identifier=false) }}.{{ table }}{%- endmacro %}

{#-
  For which day, and by which calendar and rules, each table of `intermediate` was last built: one row per table,
  written in the transaction that writes its rows. A mart that is a view takes what moves with as_of from here, so it
  never shows one day's stamp over another day's rows.
-#}
{% macro create_build_tables() -%}
create schema if not exists {{ schema_named('intermediate') }};
create table if not exists {{ schema_named('intermediate') }}.table_stamp (
    table_name text primary key,
    as_of date not null,
    calendar_version text,
    rule_version text not null
);
create table if not exists {{ schema_named('intermediate') }}.changed_row (
    table_name text not null,
    key text,
    content jsonb not null
);
truncate {{ schema_named('intermediate') }}.changed_row;
{%- endmacro %}

{#- int_build is there: every incremental model reads a relation of changed keys, and these read int_build. -#}
{% macro stamp_table() -%}
insert into {{ this.include(identifier=false) }}.table_stamp (table_name, as_of, calendar_version, rule_version)
select '{{ this.identifier }}', as_of, calendar_version, rule_version
from {{ this.include(identifier=false) }}.int_build
on conflict (table_name) do update set
    as_of = excluded.as_of,
    calendar_version = excluded.calendar_version,
    rule_version = excluded.rule_version
{%- endmacro %}

{#-
  The next model reads it a moment later, long before autovacuum has counted its rows. Where only some rows were replaced,
  what was counted of all of them still holds.
-#}
{% macro analyze_table() -%}
{%- if not is_incremental() %}analyze {{ this }}{% endif -%}
{%- endmacro %}

{#- The stamp of a table, as a relation of one row: as_of, calendar_version, rule_version. -#}
{% macro stamp_of(model) -%}
(
    select as_of, calendar_version, rule_version
    from {{ ref(model).include(identifier=false) }}.table_stamp
    where table_name = '{{ ref(model).identifier }}'
)
{%- endmacro %}

{#-
  A table that is built whole is swapped for a new one, and the old one is dropped with the views on it. The marts on it,
  which people may be reading, are pointed at the new one first, in the same transaction; where only what changed is
  built, so are the views of intermediate, which no model makes then. A mart that no longer fits is left to go: its own
  model makes it anew.
-#}
{% macro repoint_views() -%}
{%- if execute and not is_incremental() -%}
{%- set old = make_backup_relation(this, 'table') -%}
{%- do run_query("
do $repoint$
declare
    dependent record;
begin
    for dependent in " ~ views_on(old) ~ "
    loop
        begin
            execute format(
                'create or replace view %s as %s',
                dependent.relation,
                replace(pg_get_viewdef(dependent.relation), '" ~ old.identifier ~ "', '" ~ this.identifier ~ "')
            );
        exception when others then
            raise notice '% is made anew: %', dependent.relation, sqlerrm;
        end;
    end loop;
end
$repoint$") -%}
{#- dbt's own list of relations: the drop of the old table takes along what hung on it before -#}
{%- do adapter.cache_dropped(old) -%}
{%- for row in run_query(views_on(this)) -%}
    {%- do adapter.cache_added(api.Relation.create(database=this.database, schema=row['schema'], identifier=row['name'], type='view')) -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro %}

{% macro views_on(relation) -%}
{%- set schemas = ['marts', 'intermediate'] if var('only_changed', false) else ['marts'] -%}
select distinct
    views.oid::regclass as relation,
    schemas.nspname as schema,
    views.relname as name
from pg_depend
inner join pg_rewrite
    on pg_rewrite.oid = pg_depend.objid
    and pg_depend.classid = 'pg_rewrite'::regclass
inner join pg_class as views
    on views.oid = pg_rewrite.ev_class
    and views.relkind = 'v'
inner join pg_namespace as schemas
    on schemas.oid = views.relnamespace
    and schemas.nspname in ({% for name in schemas %}'{{ schema_named(name) }}'{{ ', ' if not loop.last }}{% endfor %})
where pg_depend.refobjid = to_regclass('{{ relation.schema }}.{{ relation.identifier }}')
{%- endmacro %}
