-- SPDX-License-Identifier: PostgreSQL
-- report: store-daily
-- title: The day in the demo store
-- param: day date = (select max(placed_at)::date from store.orders)
-- param: top integer = 10
-- snapshot: no

-- The morning report of the shop that demo-store.sql builds. Without a day it is about the last one in the data, which is
-- always complete. The queries weigh about the same, so that running them at once shows. Cancelled orders count nowhere but
-- where they are named.

-- name: day_at_a_glance
-- title: The day, beside the same weekday of the week before and the mean of 28 days
with baskets as (
    select o.placed_at::date as day, o.customer_id, sum(l.quantity) as items, sum(l.amount) as amount
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 27 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by o.order_id
), days as (
    select day, count(*) as orders, count(distinct customer_id) as customers, sum(items) as items, sum(amount) as revenue
    from baskets
    group by day
)
select fact, that_day, week_before, mean_of_28_days,
    round(100.0 * (that_day - week_before) / nullif(week_before, 0), 1) as change_percent
from (
    select 1 as n, 'orders' as fact, max(orders) filter (where day = :day)::numeric as that_day,
        max(orders) filter (where day = :day - 7)::numeric as week_before, round(avg(orders), 1) as mean_of_28_days
    from days
    union all
    select 2, 'customers', max(customers) filter (where day = :day),
        max(customers) filter (where day = :day - 7), round(avg(customers), 1)
    from days
    union all
    select 3, 'items', max(items) filter (where day = :day),
        max(items) filter (where day = :day - 7), round(avg(items), 1)
    from days
    union all
    select 4, 'revenue', max(revenue) filter (where day = :day),
        max(revenue) filter (where day = :day - 7), round(avg(revenue), 2)
    from days
    union all
    select 5, 'revenue an order', round(max(revenue / orders) filter (where day = :day), 2),
        round(max(revenue / orders) filter (where day = :day - 7), 2), round(avg(revenue / orders), 2)
    from days
) as facts
order by n;

-- name: revenue_by_region
-- title: Revenue by region, the day and the month to date
select r.name as region, sum(l.amount) filter (where o.placed_at >= :day) as that_day, sum(l.amount) as month_to_date,
    round(100 * sum(l.amount) / sum(sum(l.amount)) over (), 1) as percent, count(distinct o.customer_id) as customers
from store.orders as o
join store.order_lines as l using (order_id)
join store.customers as c using (customer_id)
join store.regions as r using (region_id)
where o.placed_at >= date_trunc('month', :day::timestamp) and o.placed_at < :day + 1 and o.status <> 'cancelled'
group by r.name
order by month_to_date desc;

-- name: top_products
-- title: Best selling products of seven days and of the seven before
with sold as (
    select l.product_id, sum(l.quantity) filter (where o.placed_at >= :day - 6) as items,
        sum(l.amount) filter (where o.placed_at >= :day - 6) as revenue,
        sum(l.amount) filter (where o.placed_at < :day - 6) as revenue_before
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 13 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by l.product_id
), ranked as (
    select *, rank() over (order by revenue desc nulls last) as place,
        rank() over (order by revenue_before desc nulls last) as place_before
    from sold
)
select place, place_before, p.sku, p.name as product, c.name as category, items, revenue, revenue_before
from ranked
join store.products as p using (product_id)
join store.categories as c using (category_id)
order by place, p.product_id
limit :top;

-- name: hourly_sales
-- title: Sales by the hour, beside the mean of the same weekday in eight weeks
with hours as (
    select o.placed_at::date as day, extract(hour from o.placed_at)::integer as hour, count(distinct o.order_id) as orders,
        sum(l.amount) as revenue
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 56 and o.placed_at < :day + 1 and o.status <> 'cancelled'
        and extract(isodow from o.placed_at) = extract(isodow from :day)
    group by 1, 2
)
select hour, coalesce(max(orders) filter (where day = :day), 0) as orders,
    coalesce(max(revenue) filter (where day = :day), 0) as revenue,
    round(coalesce(sum(revenue) filter (where day < :day), 0) / 8, 2) as usual_revenue
from hours
group by hour
order by hour;

-- name: week_over_week
-- title: Four weeks, each beside the week before
with weeks as (
    select (:day - o.placed_at::date) / 7 as weeks_ago, count(distinct o.order_id) as orders, sum(l.amount) as revenue
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 34 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by 1
)
select :day - 7 * weeks_ago - 6 as first_day, :day - 7 * weeks_ago as last_day, orders, revenue,
    lag(revenue) over (order by weeks_ago desc) as week_before,
    round(100 * revenue / lag(revenue) over (order by weeks_ago desc) - 100, 1) as change_percent
from weeks
order by weeks_ago
limit 4;

-- name: month_to_date
-- title: Paid orders of the month to date, beside as many days of the month before and of the year before
with periods (n, period, first_day, last_day) as (values
    (1, 'this month', date_trunc('month', :day::timestamp)::date, :day),
    (2, 'month before', (date_trunc('month', :day::timestamp) - interval '1 month')::date, (:day - interval '1 month')::date),
    (3, 'year before', (date_trunc('month', :day::timestamp) - interval '1 year')::date, (:day - interval '1 year')::date)
)
select period, first_day, last_day, s.orders, s.revenue,
    round(100 * max(s.revenue) filter (where n = 1) over () / s.revenue - 100, 1) as change_since_percent
from periods
cross join lateral (
    select count(*) as orders, sum(p.amount) as revenue
    from store.orders as o
    join store.payments as p using (order_id)
    where o.placed_at >= first_day and o.placed_at < last_day + 1
) as s
order by n;

-- name: new_and_returning_customers
-- title: Customers of 28 days: new ones, and those who came back
with buyers as (
    select o.customer_id, count(distinct o.order_id) as orders, sum(l.amount) as revenue
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 27 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by o.customer_id
)
select case when c.joined_on >= :day - 27 then 'new'
        when c.joined_on >= :day - 365 then 'joined within a year'
        else 'older' end as customers,
    count(*) as number, sum(orders) as orders, sum(revenue) as revenue,
    round(sum(revenue) / sum(orders), 2) as revenue_per_order
from buyers
join store.customers as c using (customer_id)
group by 1
order by revenue desc;

-- name: basket_sizes
-- title: How many lines an order has, over 28 days
with baskets as (
    select o.order_id, count(*) as lines, sum(l.quantity) as items, sum(l.amount) as amount
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 27 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by o.order_id
)
select lines, count(*) as orders, round(100.0 * count(*) / sum(count(*)) over (), 1) as percent,
    round(avg(items), 1) as mean_items, round(avg(amount), 2) as mean_amount,
    percentile_cont(0.5) within group (order by amount)::numeric(12,2) as median_amount
from baskets
group by lines
order by lines;

-- name: categories
-- title: Categories over 28 days: revenue and margin
select c.name as category, sum(l.quantity) as items, sum(l.amount) as revenue,
    sum(l.amount - l.quantity * p.cost) as margin,
    round(100 * sum(l.amount - l.quantity * p.cost) / sum(l.amount), 1) as margin_percent
from store.orders as o
join store.order_lines as l using (order_id)
join store.products as p using (product_id)
join store.categories as c using (category_id)
where o.placed_at >= :day - 27 and o.placed_at < :day + 1 and o.status <> 'cancelled'
group by c.name
order by revenue desc;

-- name: returns
-- title: What came back in 28 days, against what had been sold in the 28 days before the last ten
with back as (
    select p.category_id, count(*) as returns, sum(r.refund) as refunds, mode() within group (order by r.reason) as usual_reason
    from store.returns as r
    join store.order_lines as l using (order_id, line_no)
    join store.products as p using (product_id)
    where r.returned_on between :day - 27 and :day
    group by p.category_id
), sold as (
    select p.category_id, count(*) as lines
    from store.orders as o
    join store.order_lines as l using (order_id)
    join store.products as p using (product_id)
    where o.placed_at >= :day - 37 and o.placed_at < :day - 9 and o.status <> 'cancelled'
    group by p.category_id
)
select c.name as category, coalesce(b.returns, 0) as returns, coalesce(b.refunds, 0) as refunds, s.lines as lines_sold,
    round(100.0 * coalesce(b.returns, 0) / s.lines, 1) as percent, b.usual_reason
from sold as s
join store.categories as c using (category_id)
left join back as b using (category_id)
order by percent desc, category;

-- name: reorder
-- title: Stock to reorder: what runs out first
with pace as (
    select l.product_id, sum(l.quantity) / 28.0 as per_day
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 27 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by l.product_id
)
select p.sku, p.name as product, s.on_hand, s.on_order, s.reorder_level, round(a.per_day, 2) as sold_per_day,
    round(s.on_hand / a.per_day, 1) as days_left, greatest(ceil(28 * a.per_day) - s.on_hand - s.on_order, 0) as to_order
from store.stock as s
join store.products as p using (product_id)
join pace as a using (product_id)
where s.on_hand + s.on_order < s.reorder_level and p.discontinued_on is null
order by s.on_hand / a.per_day, p.product_id
limit :top;

-- name: slow_sellers
-- title: Stock that hardly sells: its value, and when it sold last
with sold as (
    select l.product_id, sum(l.quantity) as items, max(o.placed_at)::date as last_sold_on
    from store.orders as o
    join store.order_lines as l using (order_id)
    where o.placed_at >= :day - 59 and o.placed_at < :day + 1 and o.status <> 'cancelled'
    group by l.product_id
)
select p.sku, p.name as product, p.discontinued_on, s.on_hand, s.on_hand * p.cost as value,
    coalesce(d.items, 0) as sold_in_60_days, d.last_sold_on
from store.stock as s
join store.products as p using (product_id)
left join sold as d using (product_id)
where s.on_hand > 3 * coalesce(d.items, 0) and p.introduced_on < :day - 59
order by value desc, p.product_id
limit :top;

-- name: best_customers
-- title: Best customers of 56 days
select c.name as customer, r.name as region, c.joined_on, count(*) as orders, sum(p.amount) as revenue,
    max(o.placed_at)::date as last_order
from store.orders as o
join store.payments as p using (order_id)
join store.customers as c using (customer_id)
join store.regions as r using (region_id)
where o.placed_at >= :day - 55 and o.placed_at < :day + 1
group by c.customer_id, r.name
order by revenue desc, c.customer_id
limit :top;

-- name: cohorts
-- title: Customers by the month of joining: how many bought again one, two and three months later
with cohort as (
    select customer_id, joined_on, date_trunc('month', joined_on)::date as month
    from store.customers
    where joined_on >= date_trunc('month', :day::timestamp) - interval '5 months' and joined_on <= :day
), again as (
    select c.month, c.customer_id, (o.placed_at::date - c.joined_on) / 30 as later
    from cohort as c
    join store.orders as o on o.customer_id = c.customer_id and o.placed_at >= c.joined_on + 1 and o.placed_at < :day + 1
    where o.status <> 'cancelled'
)
select month, max(s.customers) as customers,
    round(100.0 * count(distinct customer_id) filter (where later = 0) / max(s.customers), 1) as first_month_percent,
    -- NULL where it has not begun for anybody; where it has not ended for all, it is what there is so far.
    case when :day >= max(s.first_joined) + 30
        then round(100.0 * count(distinct customer_id) filter (where later = 1) / max(s.customers), 1) end as second_month_percent,
    case when :day >= max(s.first_joined) + 60
        then round(100.0 * count(distinct customer_id) filter (where later = 2) / max(s.customers), 1) end as third_month_percent
from again
join (select month, count(*) as customers, min(joined_on) as first_joined from cohort group by month) as s using (month)
group by month
order by month;

-- name: unpaid_orders
-- title: Orders of eight weeks without a payment, by age
select case when :day - o.placed_at::date < 7 then 'this week'
        when :day - o.placed_at::date < 14 then 'last week'
        else 'older' end as age,
    count(distinct o.order_id) as orders, count(distinct o.customer_id) as customers, sum(l.amount) as amount,
    min(o.placed_at)::date as oldest
from store.orders as o
join store.order_lines as l using (order_id)
left join store.payments as p on p.order_id = o.order_id and p.paid_at < :day + 1
where o.placed_at >= :day - 55 and o.placed_at < :day + 1 and o.status <> 'cancelled' and p.payment_id is null
group by 1
order by oldest desc;
