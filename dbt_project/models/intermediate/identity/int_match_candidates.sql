{#-
  What the review queue offers for a case that nothing certain leads to. Few cases against all projects, so every way is
  a join on a key: the number, the owner, the name, a rare pair of its characters, a neighbour of the mistyped code.
-#}

with cases as (
    select * from {{ ref('int_cases') }}
    where project_code is null
),

linked_cases as (
    select * from {{ ref('int_cases') }}
    where project_code is not null
),

works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

permit_numbers as (
    select * from {{ ref('int_permit_numbers') }}
),

unmatched as (
    select
        cases.case_id,
        {{ comparable_name('coalesce(cases.given_project_name, works.works_name)') }} as name_key,
        {{ canonical_credit_code('cases.applicant_credit_code') }} as credit_code,
        {{ canonical_document_number('cases.related_document_number') }} as related_number_key,
        {{ project_prefix('coalesce(cases.given_project_code, cases.given_works_code)') }} as mistyped_code,
        cases.unmatched_reason
    from cases
    left join works using (works_code)
),

-- a number that leads to several projects; one that led to a single project would have matched (T4)
numbers as (
    select
        unmatched.case_id,
        permit_numbers.number_key
    from unmatched
    inner join permit_numbers using (case_id)
    union
    select
        case_id,
        related_number_key
    from unmatched
    where related_number_key is not null
),

by_number as (
    select distinct
        numbers.case_id,
        projects.project_code,
        'shared_number' as reason
    from numbers
    inner join permit_numbers using (number_key)
    left join linked_cases on linked_cases.case_id = permit_numbers.case_id
    inner join projects on projects.project_code = coalesce(linked_cases.project_code, permit_numbers.project_code)
    where length(numbers.number_key) >= {{ var('shortest_permit_number') }}
),

-- an owner or a name of more projects than a person would look through points at none of them
owners as (
    select
        owner_credit_key as credit_code,
        array_agg(project_code) as project_codes
    from projects
    where has_valid_owner_credit_code
    group by owner_credit_key
    having count(*) <= 50
),

by_owner as (
    select
        unmatched.case_id,
        project_code,
        'same_owner' as reason
    from unmatched
    inner join owners using (credit_code)
    cross join lateral unnest(owners.project_codes) as project_code
),

names as (
    select
        name_key,
        array_agg(project_code) as project_codes
    from projects
    group by name_key
    having count(*) <= 50
),

by_name as (
    select
        unmatched.case_id,
        project_code,
        'same_name' as reason
    from unmatched
    inner join names using (name_key)
    cross join lateral unnest(names.project_codes) as project_code
),

-- one digit wrong or two neighbours changed over: what the sender may have meant, if the check digit fits
digits as (
    select
        case_id,
        replace(mistyped_code, '-', '') as digits
    from unmatched
    where unmatched_reason = 'check_digit_wrong'
),

neighbours as (
    select
        case_id,
        overlay(digits placing digit::text from position for 1) as digits
    from digits
    cross join generate_series(1, 20) as position
    cross join generate_series(0, 9) as digit
    union
    select
        case_id,
        overlay(digits placing substr(digits, position + 1, 1) || substr(digits, position, 1) from position for 2) as digits
    from digits
    cross join generate_series(1, 19) as position
),

by_neighbour as (
    select
        neighbours.case_id,
        projects.project_code,
        'mistyped_code' as reason
    from neighbours
    inner join projects on projects.project_code = regexp_replace(
        neighbours.digits, '^(.{4})(.{6})(.{2})(.{2})(.{6})$', '\1-\2-\3-\4-\5'
    )
    where projects.has_valid_check_digit
),

certain_ways as (
    select case_id, project_code, reason from by_number
    union all
    select case_id, project_code, reason from by_neighbour
    union all
    select case_id, project_code, reason from by_owner
    union all
    select case_id, project_code, reason from by_name
),

-- where nothing else offers a project, its name is compared with those that share one of the rarest pairs of characters
unknown_names as (
    select distinct
        name_key,
        {{ bigrams('name_key') }} as pairs
    from unmatched
    where name_key is not null
        and case_id not in (select case_id from certain_ways)
),

name_pairs as (
    select
        name_key,
        cardinality(pairs) as pair_count,
        pair
    from unknown_names
    cross join lateral unnest(pairs) as pair
),

project_names as (
    select
        project_code,
        {{ bigrams('name_key') }} as pairs
    from projects
    where name_key is not null
        and exists (select 1 from unknown_names)
),

project_pairs as (
    select
        project_code,
        cardinality(pairs) as pair_count,
        pair
    from project_names
    cross join lateral unnest(pairs) as pair
),

pair_counts as (
    select
        pair,
        count(*) as project_count
    from project_pairs
    where pair in (select pair from name_pairs)
    group by pair
    having count(*) <= 200
),

rare_pairs as (
    select
        name_pairs.name_key,
        pair_counts.pair,
        row_number() over (partition by name_pairs.name_key order by pair_counts.project_count, pair_counts.pair) as rarity
    from name_pairs
    inner join pair_counts using (pair)
),

neighbouring_names as (
    select distinct
        rare_pairs.name_key,
        project_pairs.project_code
    from rare_pairs
    inner join project_pairs using (pair)
    where rare_pairs.rarity <= 3
),

name_likeness as (
    select
        neighbouring_names.name_key,
        neighbouring_names.project_code,
        2.0 * count(*) / (min(name_pairs.pair_count) + min(project_pairs.pair_count)) as similarity
    from neighbouring_names
    inner join name_pairs using (name_key)
    inner join project_pairs using (project_code, pair)
    group by neighbouring_names.name_key, neighbouring_names.project_code
),

like_names as (
    select
        name_likeness.*,
        row_number() over (partition by name_key order by similarity desc, project_code) as place
    from name_likeness
    where similarity >= {{ var('offer_name_from') }}
),

candidates as (
    select case_id, project_code, reason from certain_ways
    union all
    select
        unmatched.case_id,
        like_names.project_code,
        'like_name' as reason
    from like_names
    inner join unmatched using (name_key)
    where like_names.place <= 5
),

-- a case and a project that meet in several ways are one offer
grouped as (
    select
        case_id,
        project_code,
        string_agg(distinct reason, '|' order by reason) as reasons,
        count(distinct reason)::integer as reason_count
    from candidates
    group by case_id, project_code
)

select
    grouped.case_id,
    grouped.project_code,
    grouped.reasons,
    grouped.reason_count,
    case
        when unmatched.name_key is not null and projects.name_key is not null
            then {{ name_similarity(bigrams('unmatched.name_key'), bigrams('projects.name_key')) }}
    end as name_similarity
from grouped
inner join unmatched using (case_id)
inner join projects using (project_code)
