with feed as (
    {{ feed_union('reform_documents', [
        ['source_department', 'text'], ['document_number', 'text'], ['title', 'text'], ['unit_name', 'text'],
        ['signed_on', 'date'], ['published_on', 'date'], ['stated_measure_count', 'integer'],
        ['stated_days_saved', 'integer'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

documents as (
    select
        feed.*,
        substring(title, '(?:19|20)[0-9]{2}(?=年)')::integer as title_year
    from feed
),

measures as (
    select * from {{ ref('fct_reform_measure') }}
),

build as (
    select * from {{ ref('int_build') }}
),

by_status as (
    select
        source_department,
        document_number,
        coalesce(status_name, '未标明') as status_name,
        count(*)::integer as measure_count,
        sum(claimed_days_saved)::integer as days_saved
    from measures
    group by 1, 2, 3
),

listed as (
    select
        source_department,
        document_number,
        sum(measure_count)::integer as listed_measure_count,
        sum(days_saved)::integer as listed_days_saved,
        string_agg(status_name || measure_count || '项', '、' order by status_name) as statuses
    from by_status
    group by source_department, document_number
)

select
    documents.source_department || ':' || documents.document_number as document_id,
    documents.source_department,
    documents.document_number,
    documents.title,
    documents.unit_name,
    documents.signed_on,
    documents.published_on,
    documents.published_on - documents.signed_on as publication_lag_days,
    documents.stated_measure_count,
    coalesce(listed.listed_measure_count, 0) as listed_measure_count,
    documents.stated_measure_count - coalesce(listed.listed_measure_count, 0) as unaccounted_measure_count,
    listed.statuses,
    documents.stated_days_saved,
    listed.listed_days_saved,
    nullif(concat_ws(
        '；',
        case when documents.stated_measure_count > coalesce(listed.listed_measure_count, 0)
            then format(
                '文件载明%s项，台账列明%s项%s，%s项没有着落',
                documents.stated_measure_count, coalesce(listed.listed_measure_count, 0),
                coalesce('（' || listed.statuses || '）', ''),
                documents.stated_measure_count - coalesce(listed.listed_measure_count, 0)
            )
            when documents.stated_measure_count < listed.listed_measure_count
            then format('文件载明%s项，台账列明%s项', documents.stated_measure_count, listed.listed_measure_count)
        end,
        case when documents.stated_days_saved != listed.listed_days_saved
            then format('文件载明压缩%s天，台账各项之和%s天', documents.stated_days_saved, listed.listed_days_saved) end,
        case when coalesce(documents.stated_days_saved, listed.listed_days_saved) > 0
            then '压缩天数是各事项之和，不是任何一个项目的用时' end,
        case when documents.published_on < documents.signed_on then '发布早于成文' end,
        case when documents.title_year not between extract(year from documents.signed_on) and extract(year from documents.published_on)
            then format(
                '题目所称%s年与成文（%s年）、发布（%s年）不符，所述期间不明', documents.title_year,
                extract(year from documents.signed_on), extract(year from documents.published_on)
            ) end
    ), '') as remark,
    documents.batch_id,
    documents.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from documents
cross join build
left join listed using (source_department, document_number)
where documents.signed_on <= {{ as_of() }} or documents.signed_on is null
