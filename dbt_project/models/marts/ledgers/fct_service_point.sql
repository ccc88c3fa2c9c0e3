with points as (
    {{ feed_union('service_points', [
        ['source_department', 'text'], ['point_code', 'text'], ['kind_name', 'text'], ['point_name', 'text'],
        ['street', 'text'], ['is_standard', 'boolean'], ['opened_on', 'date'], ['closed_on', 'date'],
        ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        points.*,
        {{ known_date('closed_on') }} as closed_date
    from points
    where opened_on <= {{ as_of() }} or opened_on is null
)

select
    as_known.source_department || ':' || as_known.point_code as service_point_id,
    as_known.source_department,
    as_known.point_code,
    as_known.kind_name,
    as_known.point_name,
    as_known.street,
    as_known.is_standard,
    as_known.opened_on as opened_date,
    as_known.closed_date,
    as_known.closed_date is null as is_open,
    as_known.batch_id,
    as_known.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from as_known
cross join build
