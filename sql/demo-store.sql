-- SPDX-License-Identifier: PostgreSQL
--
-- A demo store: two years of an online shop with 400,000 orders and about 1,090,000 order lines.
--
--     psql -d DATABASE -f demo-store.sql
--
-- It drops and builds the schema "store" and touches nothing else; grants on it go with it, so reporting-role.sql comes after.
-- It takes some 12 seconds on two cores and 220 MB of disk, and runs on PostgreSQL 13 and later, as any role that may create a
-- schema in the database.
--
-- The data are shaped as a shop's are: sales grow, peak before Christmas and follow the weekday and the hour; few products
-- sell most; a quarter of the customers buy once and some every week; orders are cancelled and goods come back.
--
-- The data are the same at every run. Nothing is random: every choice is a hash of the row's own number, by the function
-- that hash partitioning rests on, which therefore cannot change between versions. The last day is fixed as well;
-- set another with -v last_day=2027-03-31. Reports find it in the data: select max(placed_at)::date from store.orders.
--
-- Times are the shop's local time (timestamp without time zone), so that a day is the same day in every session.

\set ON_ERROR_STOP on
\if :{?last_day}
\else
\set last_day 2026-11-20
\endif

begin;

set local client_min_messages = warning;
set local search_path = pg_catalog;
set local maintenance_work_mem = '128MB';
set local work_mem = '64MB';
set local synchronous_commit = off;
set local datestyle = 'ISO, YMD';
set local jit = off;

drop schema if exists store cascade;
create schema store;
comment on schema store is 'A demo shop: customers, products, orders and what became of them';

-- Tables. Their keys and indexes come after the rows.

create table store.regions (
    region_id    smallint not null,
    name         text not null
);

create table store.customers (
    customer_id  integer not null,
    region_id    smallint not null,
    name         text not null,
    email        text not null,
    joined_on    date not null
);
comment on column store.customers.joined_on is 'The day of the first order, unless the customer is older than the data';

create table store.categories (
    category_id  smallint not null,
    name         text not null
);

create table store.products (
    product_id   integer not null,
    category_id  smallint not null,
    sku          text not null,
    name         text not null,
    price        numeric(10,2) not null check (price > 0),
    cost         numeric(10,2) not null check (cost > 0),
    introduced_on    date not null,
    discontinued_on  date
);

create table store.stock (
    product_id   integer not null,
    on_hand      integer not null check (on_hand >= 0),
    on_order     integer not null check (on_order >= 0),
    reorder_level  integer not null,
    counted_on   date not null
);

create table store.orders (
    order_id     integer not null,
    customer_id  integer not null,
    placed_at    timestamp(0) not null,
    status       text not null check (status in ('paid', 'shipped', 'delivered', 'cancelled')),
    channel      text not null check (channel in ('web', 'app', 'phone'))
);

create table store.order_lines (
    order_id     integer not null,
    line_no      smallint not null,
    product_id   integer not null,
    quantity     smallint not null check (quantity > 0),
    unit_price   numeric(10,2) not null,
    amount       numeric(12,2) not null
);
comment on column store.order_lines.amount is 'What the customer pays for the line, after discount';

create table store.payments (
    payment_id   integer not null,
    order_id     integer not null,
    paid_at      timestamp(0) not null,
    method       text not null check (method in ('card', 'wallet', 'invoice', 'transfer')),
    amount       numeric(12,2) not null
);

create table store.returns (
    return_id    integer not null,
    order_id     integer not null,
    line_no      smallint not null,
    returned_on  date not null,
    quantity     smallint not null check (quantity > 0),
    reason       text not null,
    refund       numeric(12,2) not null
);

-- Chance: a number in [0, 1) that depends on a row's key and the purpose alone. Being one expression, it is inlined.
create function pg_temp.chance(key bigint, purpose bigint) returns float8
    language sql immutable parallel safe
    as 'select (hashint8extended(key, purpose) & 9007199254740991)::float8 / 9007199254740992';

-- A rank from 0 to n - 1, low ones more often: the chance of rank r falls as 1 / (r + head).
create function pg_temp.skewed(chance float8, n integer, head integer) returns integer
    language sql immutable parallel safe
    as 'select floor(head * (power(n::float8 / head + 1, chance) - 1))::integer';

-- Things that stand still.

insert into store.regions
select n, name
from unnest(array['North', 'North East', 'East', 'South East', 'South', 'South West', 'West', 'North West'])
    with ordinality as r (name, n);

insert into store.categories
select n, name
from unnest(array['Books', 'Clothing', 'Electronics', 'Garden', 'Health', 'Home', 'Kitchen', 'Office', 'Pets', 'Shoes',
        'Sports', 'Toys']) with ordinality as c (name, n);

-- The plan: a row for each of 720 days, with its share of the orders, the customers who join and the products on sale.

create temp table days on commit drop as
with calendar as (
    select i, :'last_day'::date - 719 + i as day, 1 + 0.9 * i / 719 as growth,
        extract(month from :'last_day'::date - 719 + i)::integer as month,
        extract(isodow from :'last_day'::date - 719 + i)::integer as weekday
    from generate_series(0, 719) as i
), weighed as (
    select i, day, month,
        -- the week around the last Friday of November, when everything is reduced
        day between bargain - 4 and bargain + 3 as bargains,
        growth
            * (array[0.85, 0.80, 0.90, 0.95, 1.00, 0.95, 0.85, 0.80, 0.95, 1.05, 1.30, 1.60])[month]
            * (array[1.12, 1.02, 1.00, 0.98, 0.95, 0.82, 1.11])[weekday]
            * (case when month = 12 and extract(day from day) in (24, 25, 26, 31) then 0.4
                when day between bargain and bargain + 3 then 2.2 else 1 end)
            * (0.92 + 0.16 * pg_temp.chance(i, 1)) as weight
    from calendar,
        lateral (select make_date(extract(year from day)::integer, 11, 30) as end_of_november) as e,
        lateral (select end_of_november - (extract(isodow from end_of_november)::integer + 2) % 7 as bargain) as b
), shares as (
    select *, sum(weight) over (order by i) / sum(weight) over () as until_now,
        (sum(weight) over (order by i) - weight) / sum(weight) over () as until_before
    from weighed
)
select i, day, month, bargains,
    (400000 * until_now)::integer - (400000 * until_before)::integer as orders,
    -- 10,000 customers are there at the start, 120,000 more join
    10000 + (120000 * until_before)::integer as customers_before,
    10000 + (120000 * until_now)::integer as customers_after,
    -- in steps of 12, one product of each category
    12 * (125 + 42 * i / 719) as products
from shares;

-- Who buys. Numbers follow the day of joining.

insert into store.customers
select n, region_id, first || ' ' || last, lower(first || '.' || last) || n || '@example.com', joined_on
from (
    select n, joined_on,
        width_bucket(pg_temp.chance(n, 10), array[0, 0.24, 0.42, 0.56, 0.68, 0.79, 0.88, 0.95]::float8[]) as region_id,
        (array['Ada', 'Alan', 'Amina', 'Anna', 'Ben', 'Carla', 'Chen', 'Dana', 'David', 'Elena', 'Emil', 'Fatima',
            'Felix', 'Grace', 'Hanna', 'Ivan', 'Jana', 'Jonas', 'Kofi', 'Laura', 'Leo', 'Lin', 'Maria', 'Marta',
            'Miguel', 'Nadia', 'Noah', 'Olga', 'Omar', 'Paul', 'Priya', 'Rosa', 'Sara', 'Simon', 'Sofia', 'Tariq',
            'Tom', 'Vera', 'Yuki', 'Zoe'])[1 + floor(40 * pg_temp.chance(n, 11))::integer] as first,
        (array['Adams', 'Baker', 'Becker', 'Brown', 'Costa', 'Diaz', 'Dubois', 'Evans', 'Fischer', 'Garcia', 'Haas',
            'Hansen', 'Ito', 'Jensen', 'Khan', 'Kim', 'Kowalski', 'Laine', 'Lopez', 'Martin', 'Mensah', 'Moreau',
            'Murphy', 'Nagy', 'Novak', 'Okafor', 'Olsen', 'Patel', 'Petrov', 'Rossi', 'Schmidt', 'Silva', 'Singh',
            'Smith', 'Tanaka', 'Virtanen', 'Wagner', 'Weber', 'Wong', 'Young']
            )[1 + floor(40 * pg_temp.chance(n, 12))::integer] as last
    from (
        select n, :'last_day'::date - 720 - (1500 * (1 - n / 10000.0))::integer as joined_on
        from generate_series(1, 10000) as n
        union all
        select n, day
        from days, generate_series(customers_before + 1, customers_after) as n
    ) as joined
) as named;

-- What is sold. Product n is of category (n - 1) % 12 + 1. Some of the older ones are given up, each for the one 12 further on.

insert into store.products
select n, category_id, upper(left(category, 3)) || '-' || to_char(n, 'FM00000'), adjective || ' ' || noun, price,
    round(price * (0.42 + 0.3 * pg_temp.chance(n, 22))::numeric, 2),
    coalesce((select min(day) from days where products >= n and i > 0 and n > 1500), :'last_day'::date - 720),
    case when n <= 1440 and (n - 1) / 12 % 3 = 0 and pg_temp.chance(n, 23) < 0.2
        then :'last_day'::date - (20 + 400 * pg_temp.chance(n, 24))::integer end
from (
    select n, category_id, name as category,
        (array['Basic', 'Bright', 'Classic', 'Compact', 'Deluxe', 'Everyday', 'Light', 'Modern', 'Natural', 'Pocket',
            'Royal', 'Simple', 'Solid', 'Sunny', 'Vintage', 'Wild'])[1 + floor(16 * pg_temp.chance(n, 20))::integer] as adjective,
        (array[
            array['Atlas', 'Cookbook', 'Novel', 'Dictionary', 'Thriller', 'Travel Guide'],
            array['Coat', 'Dress', 'Jumper', 'Scarf', 'Shirt', 'Trousers'],
            array['Charger', 'Headphones', 'Keyboard', 'Radio', 'Speaker', 'Torch'],
            array['Hose', 'Parasol', 'Planter', 'Rake', 'Secateurs', 'Seeds'],
            array['Massage Ball', 'Scales', 'Soap', 'Sun Cream', 'Thermometer', 'Vitamins'],
            array['Blanket', 'Candle', 'Cushion', 'Lamp', 'Mirror', 'Rug'],
            array['Bowl', 'Chopping Board', 'Knife', 'Mug', 'Pan', 'Teapot'],
            array['Desk Lamp', 'Folder', 'Notebook', 'Pen', 'Stapler', 'Whiteboard'],
            array['Basket', 'Bowl', 'Collar', 'Lead', 'Scratching Post', 'Treats'],
            array['Boots', 'Clogs', 'Sandals', 'Slippers', 'Trainers', 'Wellingtons'],
            array['Ball', 'Bottle', 'Mat', 'Racket', 'Rope', 'Tent'],
            array['Blocks', 'Doll', 'Kite', 'Puzzle', 'Train', 'Yo-yo']
            ])[category_id][1 + floor(6 * pg_temp.chance(n, 21))::integer] as noun,
        floor((array[14, 38, 55, 26, 12, 30, 22, 9, 15, 62, 34, 19])[category_id]
            * exp(1.8 * (pg_temp.chance(n, 25) - 0.5)))::numeric + 0.99 as price
    from generate_series(1, 2004) as n
    join store.categories on category_id = (n - 1) % 12 + 1
) as named;

-- The orders of each day: the first ones are those of the customers who join on it, the others come from customers who came
-- lately (their interest fades) and from loyal ones (some far more often than others).

insert into store.orders
select row_number() over (order by placed_at, key), customer_id, placed_at,
    case when pg_temp.chance(key, 36) < 0.03 then 'cancelled'
        when days_ago < 1 then 'paid'
        when days_ago < 4 and pg_temp.chance(key, 37) < 0.8 then 'shipped'
        else 'delivered' end,
    case when pg_temp.chance(key, 38) < 0.04 then 'phone'
        when pg_temp.chance(key, 38) < 0.3 + 0.25 * i / 719 then 'app'
        else 'web' end
from (
    select i, key, 719 - i as days_ago,
        day + make_interval(
            hours => width_bucket(100 * pg_temp.chance(key, 30), array[1.2, 1.9, 2.3, 2.6, 2.9, 3.4, 4.6, 7.0, 10.8, 15.8,
                21.4, 27.2, 33.4, 39.0, 44.2, 49.2, 54.4, 60.2, 66.6, 74.0, 82.6, 90.8, 96.8]::float8[]),
            secs => floor(3600 * pg_temp.chance(key, 31))) as placed_at,
        case when k <= customers_after - customers_before then customers_before + k
            when pg_temp.chance(key, 32) < 0.35 then
                1 + case when recent >= 0 then recent else loyal % customers_before end
            else 1 + loyal % customers_before end as customer_id
    from days, generate_series(1, orders) as k,
        lateral (select i::bigint * 100000 + k as key) as o,
        lateral (select
            customers_before - 1 - floor(-9000 * ln(1 - pg_temp.chance(key, 33)))::integer as recent,
            -- multiplying scatters the loyal ones among all
            (pg_temp.skewed(pg_temp.chance(key, 34), 130000, 300)::bigint * 7919 % 130000)::integer as loyal) as c
) as o;

-- Their lines: 2.7 on average. A product is chosen by its rank, or for the season: toys before Christmas, things for the
-- garden in spring.

create temp table successors on commit drop as
select p.product_id, p.discontinued_on, p.price, s.product_id as successor_id, s.price as successor_price
from store.products as p
left join store.products as s on s.product_id = p.product_id + 12 and p.discontinued_on is not null;

insert into store.order_lines
select order_id, line_no, product_id, quantity, unit_price,
    round(quantity * unit_price * case
        when bargains and pg_temp.chance(key, 45) < 0.6 then 0.80
        when pg_temp.chance(key, 45) < 0.1 then 0.90
        else 1 end, 2)
from (
    select order_id, line_no, key, bargains,
        case when discontinued_on <= day then successor_id else product_id end as product_id,
        width_bucket(pg_temp.chance(key, 44), array[0, 0.74, 0.92, 0.97, 0.985, 0.995]::float8[]) as quantity,
        -- prices rose by 4% at the middle of the time
        round(case when discontinued_on <= day then successor_price else price end
            * case when i < 360 then 0.96 else 1 end, 2) as unit_price
    from (
        select order_id, line_no, key, i, day, bargains,
            1 + case
                when month >= 11 and pg_temp.chance(key, 42) < 0.25 then any_category / 12 * 12 + 11
                when month between 4 and 6 and pg_temp.chance(key, 42) < 0.2 then any_category / 12 * 12 + 3
                else any_category end as product_id
        from store.orders
        join days on day = placed_at::date,
            lateral generate_series(1, least(12, 1 + floor(-2.2 * ln(1 - pg_temp.chance(order_id, 40)))::integer)) as line_no,
            lateral (select order_id::bigint * 16 + line_no as key) as l,
            lateral (select pg_temp.skewed(pg_temp.chance(key, 41), 2004, 20) * 617 % 2003 % products as any_category) as c
    ) as chosen
    join successors using (product_id)
) as l;

-- What became of them.

insert into store.payments
select row_number() over (order by order_id), order_id,
    placed_at + case when method in ('card', 'wallet') then interval '1 minute'
        else make_interval(days => 1 + floor(14 * pg_temp.chance(order_id, 51))::integer) end,
    method, amount
from (
    select order_id, sum(amount) as amount from store.order_lines group by order_id
) as totals
join store.orders using (order_id),
    lateral (select (array['card', 'wallet', 'invoice', 'transfer'])[
        width_bucket(pg_temp.chance(order_id, 50), array[0, 0.55, 0.82, 0.95]::float8[])] as method) as m
where status <> 'cancelled'
    -- the invoices of the last days are open still
    and (method in ('card', 'wallet')
        or placed_at + make_interval(days => 1 + floor(14 * pg_temp.chance(order_id, 51))::integer) < :'last_day'::date + 1);

insert into store.returns
select row_number() over (order by returned_on, key), order_id, line_no, returned_on, quantity,
    (array['does not fit', 'not as described', 'damaged', 'changed mind', 'arrived late'])[
        case when category_id in (2, 10) and pg_temp.chance(key, 63) < 0.7 then 1
            else 2 + floor(4 * pg_temp.chance(key, 62))::integer end],
    amount
from (
    select order_id, line_no, l.quantity, l.amount, category_id, order_id::bigint * 16 + line_no as key,
        placed_at::date + 3 + floor(22 * pg_temp.chance(order_id::bigint * 16 + line_no, 61))::integer as returned_on
    from store.orders
    join store.order_lines as l using (order_id)
    join store.products as p using (product_id)
    where status = 'delivered'
        and pg_temp.chance(order_id::bigint * 16 + line_no, 60)
            < case category_id when 2 then 0.14 when 10 then 0.12 else 0.035 end
) as r
where returned_on <= :'last_day'::date;

-- Three weeks' sales are the least that should be in stock.
insert into store.stock
select product_id,
    case when discontinued_on is null then (reorder_level * (0.3 + 2.5 * pg_temp.chance(product_id, 70)))::integer
        else (40 * pg_temp.chance(product_id, 70))::integer end,
    case when discontinued_on is null and pg_temp.chance(product_id, 71) < 0.1 then 2 * reorder_level else 0 end,
    reorder_level, :'last_day'::date
from store.products
left join (
    select product_id, sum(quantity) as sold
    from store.orders
    join store.order_lines using (order_id)
    where placed_at >= :'last_day'::date - 55 and status <> 'cancelled'
    group by product_id
) as s using (product_id),
    lateral (select case when discontinued_on is null then ceil(coalesce(sold, 0) * 21 / 56.0)::integer else 0 end
        as reorder_level) as r;

-- No parallel plans for the large tables: the cores are for the queries that run at the same time.
alter table store.customers set (parallel_workers = 0);
alter table store.orders set (parallel_workers = 0);
alter table store.order_lines set (parallel_workers = 0);
alter table store.payments set (parallel_workers = 0);

-- Keys and indexes.

alter table store.regions add primary key (region_id);
alter table store.customers add primary key (customer_id);
alter table store.categories add primary key (category_id);
alter table store.products add primary key (product_id), add unique (sku);
alter table store.stock add primary key (product_id);
alter table store.orders add primary key (order_id);
alter table store.order_lines add primary key (order_id, line_no);
alter table store.payments add primary key (payment_id);
alter table store.returns add primary key (return_id);

create index on store.customers (region_id);
create index on store.customers (joined_on);
create index on store.products (category_id);
create index on store.orders (placed_at);
create index on store.orders (customer_id, placed_at);
create index on store.order_lines (product_id);
create index on store.payments (order_id);
create index on store.payments (paid_at);
create index on store.returns (order_id, line_no);
create index on store.returns (returned_on);

alter table store.customers add foreign key (region_id) references store.regions;
alter table store.products add foreign key (category_id) references store.categories;
alter table store.stock add foreign key (product_id) references store.products;
alter table store.orders add foreign key (customer_id) references store.customers;
alter table store.order_lines
    add foreign key (order_id) references store.orders,
    add foreign key (product_id) references store.products;
alter table store.payments add foreign key (order_id) references store.orders;
alter table store.returns add foreign key (order_id, line_no) references store.order_lines;

commit;

-- Fresh statistics, and a visibility map for index-only scans.
vacuum (analyze) store.regions, store.customers, store.categories, store.products, store.stock, store.orders,
    store.order_lines, store.payments, store.returns;
