with assessments as (
    {{ feed_union('regional_assessments', [
        ['source_department', 'text'], ['assessment_code', 'text'], ['zone_name', 'text'], ['category_name', 'text'],
        ['finished_on', 'date'], ['reuse_count', 'integer'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

build as (
    select * from {{ ref('int_build') }}
)

select
    assessments.source_department || ':' || assessments.assessment_code as assessment_id,
    assessments.source_department,
    assessments.assessment_code,
    assessments.zone_name,
    assessments.category_name,
    {{ known_date('assessments.finished_on') }} as finished_on,
    {{ known_date('assessments.finished_on') }} is not null as is_finished,
    assessments.reuse_count,
    assessments.batch_id,
    assessments.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from assessments
cross join build
